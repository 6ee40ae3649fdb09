// A line of CSV: device name, device type, time in milliseconds (may be empty), then key=value
// fields. Empty lines and lines that begin with # are passed over; a line may hold quoted fields.
var text = decodeToString(payload);
var results = [];
text.split('\n').forEach(function (line) {
    var cleaned = line.replace(/\r$/, '');
    if (cleaned === '' || cleaned.charAt(0) === '#') {
        return;
    }
    var fields = splitCsv(cleaned);
    if (fields.length < 3) {
        throw new Error('a line needs name,type,time: ' + cleaned);
    }
    var values = {};
    fields.slice(3).forEach(function (field) {
        var at = field.indexOf('=');
        if (at > 0) {
            values[field.substring(0, at)] = toValue(field.substring(at + 1));
        }
    });
    var telemetry = fields[2] === '' ? values : {ts: Number(fields[2]), values: values};
    results.push({deviceName: fields[0], deviceType: fields[1], telemetry: telemetry});
});
return results;

function splitCsv(line) {
    var fields = [], field = '', quoted = false;
    for (var i = 0; i < line.length; i++) {
        var c = line.charAt(i);
        if (quoted && c === '"' && line.charAt(i + 1) === '"') {
            field += '"';
            i++;
        } else if (c === '"') {
            quoted = !quoted;
        } else if (c === ',' && !quoted) {
            fields.push(field);
            field = '';
        } else {
            field += c;
        }
    }
    fields.push(field);
    return fields;
}

function toValue(text) {
    if (text === 'true' || text === 'false') {
        return text === 'true';
    }
    return text !== '' && isFinite(text) ? Number(text) : text;
}
