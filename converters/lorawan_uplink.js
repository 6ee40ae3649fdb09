// A network server's JSON about one LoRaWAN uplink; the sensor's bytes are in `data`, base64:
//   0..1  temperature in tenths of a degree, signed, big-endian
//   2     humidity in half percents
//   3     battery, 0 (empty) to 254 (full), 255: not known
const {deviceInfo: {deviceName, deviceProfileName: deviceType = 'lorawan'}, data, time, rxInfo = [], ...uplink} =
    decodeToJson(payload);
const [high, low, humidity, battery] = base64ToBytes(data).map((b) => b & 0xff);
const best = rxInfo.reduce((a, b) => (b.rssi > (a?.rssi ?? -Infinity) ? b : a), null);
const values = {
    temperature: ((high << 24) >> 16 | low) / 10,
    humidity: humidity / 2,
    ...(battery === 255 ? {} : {battery: Math.round(battery / 2.54)}),
    rssi: best?.rssi ?? null,
    snr: best?.snr ?? null
};
return {
    deviceName,
    deviceType,
    attributes: {fPort: uplink.fPort, gateway: best?.gatewayId ?? 'none'},
    telemetry: {ts: new Date(time).getTime(), values}
};
