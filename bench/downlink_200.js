var data = {
    temperature: msg.temperature,
    version: "v.0.11",
    text: "0123456789"
};
var text = JSON.stringify(data);
while (text.length < 200) {
    text += " ";
}
return {
    contentType: "JSON",
    data: text,
    metadata: {
        streamName: "down",
        partitionKey: metadata.deviceName
    }
};
