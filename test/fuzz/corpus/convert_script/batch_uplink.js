// A gateway's report about several devices and its own site: one JSON document, many results.
//   {"site": "...", "sentAt": ISO time, "devices": [{"id", "model", "samples": [{"t", ...}]}]}
// A sample's time is seconds since the report's; what is no number, text or boolean is left out.
var report = decodeToJson(payload);
var sentAt = new Date(report.sentAt).getTime();

var results = report.devices.map(function (device) {
    return {
        deviceName: report.site + '/' + device.id,
        deviceType: device.model,
        groupName: report.site,
        attributes: {model: device.model, site: report.site},
        telemetry: device.samples.map(function (sample) {
            return {ts: sentAt + sample.t * 1000, values: readings(sample)};
        })
    };
});
results.push({
    assetName: report.site,
    assetType: 'site',
    telemetry: {ts: sentAt, values: {devices: report.devices.length}}
});
return results;

function readings(sample) {
    var values = {};
    Object.keys(sample).forEach(function (key) {
        var kind = typeof sample[key];
        if (key !== 't' && (kind === 'number' || kind === 'string' || kind === 'boolean')) {
            values[key] = sample[key];
        }
    });
    return values;
}
