// The tutorial's converter as one would write it today.
const {devName: deviceName, devType: deviceType, temperature} = decodeToJson(payload);
const result = {
    deviceName,
    deviceType,
    telemetry: {temperature}
};
function decodeToString(payload) {
    return String.fromCharCode(...payload);
}
function decodeToJson(payload) {
    const str = decodeToString(payload);
    return JSON.parse(str);
}
return result;
