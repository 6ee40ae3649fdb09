// CSV whose first line names the columns: `device` and `time` (ISO 8601) and a column for each value.
// Empty fields are left out. One device message for each device, with all its rows.
const [head = '', ...rows] = decodeToString(payload).split(/\r?\n/).filter((line) => line.trim() !== '');
const columns = head.split(',').map((name) => name.trim());
if (!columns.includes('device')) throw new Error(`no column is called device: ${head}`);

const devices = {};
for (const [index, row] of Object.entries(rows)) {
    const fields = row.split(',');
    if (fields.length !== columns.length) {
        throw new Error(`row ${+index + 2} has ${fields.length} fields, not ${columns.length}`);
    }
    const {device, time, ...rest} = Object.fromEntries(columns.map((name, i) => [name, fields[i].trim()]));
    const values = {};
    for (const [key, text] of Object.entries(rest)) {
        if (text !== '') values[key] = isNaN(text) ? text : Number(text);
    }
    (devices[device] ??= []).push({ts: time ? new Date(time).getTime() : undefined, values});
}
return Object.entries(devices).map(([deviceName, telemetry]) => ({deviceName, deviceType: 'table', telemetry}));
