var data = {
    devName: metadata.deviceName,
    temperature: msg.temperature,
    version: "v.0.11",
    text: "01234567890123456789012345678901234567890123456789012345678901234567890123456789" +
        "01234567890123456789012345678901234567890123456789"
};
return {
    contentType: "JSON",
    data: JSON.stringify(data),
    metadata: {
        streamName: "down",
        partitionKey: metadata.deviceName
    }
};
