// SPDX-License-Identifier: Apache-2.0
// The AWS SDK for JavaScript v3 as a consumer: every shard from its oldest record on.

import {
  GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

// HTTP/1.1: measured faster than the SDK's own default for Kinesis, HTTP/2.
export function connect(endpoint) {
  return new KinesisClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test-secret' },
    requestHandler: new NodeHttpHandler(),
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// take(shardId, records) for every reply with records; ends when stop() says so. The next call is
// on its way while a reply is worked on, so that the process need not wait for the network.
export async function consume(client, StreamName, { limit, pollMs, take, stop }) {
  const { Shards } = await client.send(new ListShardsCommand({ StreamName }));
  const shard = async ({ ShardId }) => {
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const get = (iterator) => client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: limit }));
    let next = get(ShardIterator);
    while (!stop()) {
      const page = await next;
      const more = page.Records.length > 0 && page.MillisBehindLatest > 0;
      if (more) next = get(page.NextShardIterator);
      if (page.Records.length) take(ShardId, page.Records);
      if (stop()) break;
      if (!more) {
        await sleep(pollMs);
        next = get(page.NextShardIterator);
      }
    }
    next.catch(() => {});
  };
  await Promise.all(Shards.map(shard));
}
