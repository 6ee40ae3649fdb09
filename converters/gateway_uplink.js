// A gateway's batch: devices with samples at ISO 8601 times, kept apart by what they are good for.
const {gateway, firmware = null, devices = []} = decodeToJson(payload);
const isGood = ({quality = 'good'}) => quality === 'good';

const messages = devices
    .filter(({samples}) => samples?.some(isGood))
    .map(({name, model: deviceType = 'unknown', samples, ...attributes}) => ({
        deviceName: `${gateway}/${name}`,
        deviceType,
        groupName: gateway,
        attributes,
        telemetry: samples.filter(isGood).map(({at, quality, ...values}) => ({ts: Date.parse(at), values}))
    }));
const dropped = devices.reduce((n, {samples = []}) => n + samples.filter((s) => !isGood(s)).length, 0);
return [
    ...messages,
    {assetName: gateway, assetType: 'gateway', attributes: {firmware}, telemetry: {devices: messages.length, dropped}}
];
