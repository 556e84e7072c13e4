"""boto3 as people use it: nothing here says where the services are."""

import boto3

s3 = boto3.client("s3")
table = boto3.resource("dynamodb")
sqs = boto3.client("sqs")


def handler(event, context):
    s3.put_object(Bucket=event["bucket"], Key="from-python", Body=b"an invoice")
    table.Table(event["table"]).put_item(Item={"id": "from-python", "tags": {"a"}})
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=event["queue"])["QueueUrl"], MessageBody="from python")
    return s3.get_object(Bucket=event["bucket"], Key="from-python")["Body"].read().decode()
