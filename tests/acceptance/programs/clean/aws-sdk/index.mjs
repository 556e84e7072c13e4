// Objects in a bucket: a client of the SDK that every invocation uses again.
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const s3 = new S3Client({ forcePathStyle: true });
const Bucket = process.env.BUCKET;

export const handler = async ({ n }) => {
  await s3.send(new PutObjectCommand({ Bucket, Key: 'invoice', Body: `invoice ${n}` }));
  const [object, head] = await Promise.all([
    s3.send(new GetObjectCommand({ Bucket, Key: 'invoice' })),
    s3.send(new HeadObjectCommand({ Bucket, Key: 'invoice' })),
  ]);
  const text = await object.Body.transformToString();
  const missing = await s3.send(new GetObjectCommand({ Bucket, Key: 'nowhere' })).catch((error) => error.name);
  if (n % 10 === 0) await s3.send(new ListObjectsV2Command({ Bucket }));
  console.log(text, head.ContentLength, missing);
  return text;
};
