"""Lambda functions on the sandbox: their roles, what wakes them, and custom resources."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox, Stack, attribute, resource, wait_until


def role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    """A role for a service."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    policies = [{"PolicyName": "all", "PolicyDocument": document}] if statements else []
    return resource("IAM::Role", AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]}, Policies=policies)


def function(code: str, **properties: Any) -> dict[str, Any]:
    """A function with the role `Role`."""
    given = {"Role": attribute("Role", "Arn"), "Code": {"ZipFile": code}, "Timeout": 30, **properties}
    return resource("Lambda::Function", Runtime="python3.11", Handler="index.handler", **given)


def test_a_function_runs_with_its_role_and_finds_the_sandbox(aws: Sandbox, stack: Stack, region: str) -> None:
    """What its role may do works, other things do not."""
    code = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    sqs = boto3.client('sqs')\n"
        "    sqs.send_message(QueueUrl=os.environ['QUEUE'], MessageBody='hello')\n"
        "    try:\n"
        "        sqs.list_queues()\n"
        "    except Exception as exc:\n"
        "        return [type(exc).__name__, os.environ['AWS_ENDPOINT_URL']]\n"
    )
    template = {
        "Messages": resource("SQS::Queue"),
        "Role": role("lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": attribute("Messages", "Arn")}),
        "Function": function(code, FunctionName="send", Environment={"Variables": {"QUEUE": {"Ref": "Messages"}}}),
    }
    assert stack.apply(template, {"Url": {"Ref": "Messages"}}) == "CREATE_COMPLETE"
    answer = json.load(aws.client("lambda", region).invoke(FunctionName="send")["Payload"])
    assert answer == ["ClientError", aws.endpoint]
    messages = aws.client("sqs", region).receive_message(QueueUrl=stack.output("Url"))["Messages"]
    assert [message["Body"] for message in messages] == ["hello"]


def test_a_stream_wakes_a_function_that_sends_a_message(aws: Sandbox, stack: Stack, region: str) -> None:
    """Only what the filter lets through: the way of a submission from the table to a queue."""
    code = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    for record in event['Records']:\n"
        "        body = record['dynamodb']['NewImage']['pk']['S']\n"
        "        boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=body)\n"
        "    return {'batchItemFailures': []}\n"
    )
    read = {
        "Action": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "Resource": attribute("Table", "StreamArn"),
    }
    pattern = json.dumps({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "job-"}]}}}})
    template = {
        "Table": resource(
            "DynamoDB::Table", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST", TableName="jobs",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        ),
        "Messages": resource("SQS::Queue"),
        "Role": role("lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": attribute("Messages", "Arn")}, read),
        "Function": function(code, Environment={"Variables": {"QUEUE": {"Ref": "Messages"}}}),
        "Mapping": resource(
            "Lambda::EventSourceMapping", FunctionName={"Ref": "Function"}, EventSourceArn=attribute("Table", "StreamArn"), BatchSize=10,
            StartingPosition="TRIM_HORIZON", FilterCriteria={"Filters": [{"Pattern": pattern}]},
            FunctionResponseTypes=["ReportBatchItemFailures"],
        ),
    }  # fmt: skip
    assert stack.apply(template, {"Url": {"Ref": "Messages"}}) == "CREATE_COMPLETE"
    table = aws.client("dynamodb", region)
    for key in ("other-1", "job-1"):
        table.put_item(TableName="jobs", Item={"pk": {"S": key}})
    sqs, url = aws.client("sqs", region), stack.output("Url")
    messages = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert [message["Body"] for message in messages] == ["job-1"]


def test_records_that_a_function_could_not_handle_come_again(aws: Sandbox, stack: Stack, region: str) -> None:
    """It says so by their numbers; sending several messages at once takes the right to send one."""
    code = (
        "import boto3, os\n"
        "seen = []\n"
        "def handler(event, context):\n"
        "    record = event['Records'][0]['dynamodb']\n"
        "    seen.append(record['SequenceNumber'])\n"
        "    if len(seen) < 2:\n"
        "        return {'batchItemFailures': [{'itemIdentifier': seen[0]}]}\n"
        "    entries = [{'Id': '1', 'MessageBody': ' '.join(seen)}]\n"
        "    boto3.client('sqs').send_message_batch(QueueUrl=os.environ['QUEUE'], Entries=entries)\n"
        "    return {'batchItemFailures': []}\n"
    )
    template = {
        "Table": resource(
            "DynamoDB::Table", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST", TableName="again",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        ),
        "Messages": resource("SQS::Queue"),
        "Role": role("lambda.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": attribute("Messages", "Arn")}),
        "Function": function(code, Environment={"Variables": {"QUEUE": {"Ref": "Messages"}}}),
        "Mapping": resource(
            "Lambda::EventSourceMapping", FunctionName={"Ref": "Function"}, EventSourceArn=attribute("Table", "StreamArn"), BatchSize=10,
            StartingPosition="TRIM_HORIZON", FunctionResponseTypes=["ReportBatchItemFailures"],
        ),
    }  # fmt: skip
    assert stack.apply(template, {"Url": {"Ref": "Messages"}}) == "CREATE_COMPLETE"
    aws.client("dynamodb", region).put_item(TableName="again", Item={"pk": {"S": "job-1"}})
    sqs, url = aws.client("sqs", region), stack.output("Url")
    (message,) = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    first, second = message["Body"].split()
    assert first == second


def test_a_custom_resource_answers_through_the_door(stack: Stack) -> None:
    """Its function has a link with a token, and nothing else."""
    code = (
        "import json, urllib.request\n"
        "def handler(event, context):\n"
        "    answer = {'Status': 'SUCCESS', 'PhysicalResourceId': 'own', 'Data': {'Said': event['ResourceProperties']['Say']}}\n"
        "    answer |= {key: event[key] for key in ('StackId', 'RequestId', 'LogicalResourceId')}\n"
        "    request = urllib.request.Request(event['ResponseURL'], json.dumps(answer).encode(), method='PUT')\n"
        "    urllib.request.urlopen(request).read()\n"
    )
    template = {
        "Role": role("lambda.amazonaws.com"),
        "Function": function(code),
        "Own": {"Type": "Custom::Own", "Properties": {"ServiceToken": attribute("Function", "Arn"), "ServiceTimeout": 20, "Say": "hello"}},
    }
    assert stack.apply(template, {"Said": attribute("Own", "Said")}) == "CREATE_COMPLETE"
    assert stack.output("Said") == "hello"


def test_an_api_is_called_with_its_key(aws: Sandbox, stack: Stack) -> None:
    """Without a signature; without the key it is forbidden."""
    template: dict[str, Any] = {
        "Role": role("lambda.amazonaws.com"),
        "Function": function("def handler(event, context):\n    return {'statusCode': 200, 'body': 'hello'}\n"),
        "Api": resource("ApiGateway::RestApi", Name="api"),
        "Method": resource(
            "ApiGateway::Method", RestApiId={"Ref": "Api"}, ResourceId=attribute("Api", "RootResourceId"), HttpMethod="GET",
            AuthorizationType="NONE", ApiKeyRequired=True, Integration={"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": _URI},
        ),
        "Deployment": {**resource("ApiGateway::Deployment", RestApiId={"Ref": "Api"}), "DependsOn": "Method"},
        "Stage": resource("ApiGateway::Stage", RestApiId={"Ref": "Api"}, DeploymentId={"Ref": "Deployment"}, StageName="prod"),
        "Key": resource("ApiGateway::ApiKey", Enabled=True, Value="0123456789abcdef0123"),
        "Plan": resource("ApiGateway::UsagePlan", ApiStages=[{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]),
        "Both": resource("ApiGateway::UsagePlanKey", KeyId={"Ref": "Key"}, KeyType="API_KEY", UsagePlanId={"Ref": "Plan"}),
        "Invoke": resource(
            "Lambda::Permission", FunctionName={"Ref": "Function"}, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
        ),
    }  # fmt: skip
    assert stack.apply(template, {"Api": {"Ref": "Api"}}) == "CREATE_COMPLETE"
    url = f"{aws.endpoint}/restapis/{stack.output('Api')}/prod/_user_request_/"
    request = urllib.request.Request(url, headers={"x-api-key": "0123456789abcdef0123"})
    assert urllib.request.urlopen(request).read() == b"hello"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)


_URI = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"}
