"""The object store: SeaweedFS (`weed server`) with S3 in front; signatures are checked, reading clips needs none."""

import json
import shutil
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

from infra.local.files import write_private
from infra.local.runner import Service
from infra.local.server import HOST, Say, Secrets, Server, fresh_folder, require_listener

LABEL = "SeaweedFS"
PORTS = tuple(f"{name}{kind}" for name in ("s3", "weed_master", "weed_volume", "weed_filer") for kind in ("", "_grpc"))
BUCKET = "trackfold"
REGION = "us-east-1"


def server(folder: Path, ports: Mapping[str, int], secrets: Secrets) -> Server:
    """SeaweedFS with its data in folder."""
    config = folder / "s3.json"
    identities = {
        "identities": [
            {
                "name": "trackfold",
                "credentials": [{"accessKey": secrets.s3_access_key, "secretKey": secrets.s3_secret_key}],
                "actions": ["Admin", "Read", "List", "Tagging", "Write"],
            },
            # a link to a clip opens in a browser; only this machine can ask
            {"name": "anonymous", "actions": [f"Read:{BUCKET}"]},
        ]
    }
    argv = [
        _weed(),
        "-logtostderr=true",
        "-v=0",
        "server",
        f"-dir={folder / 'data'}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-master.volumeSizeLimitMB=1024",
        "-volume.max=64",
        "-volume.preStopSeconds=0",
        "-s3",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.port={ports['s3']}",
        f"-s3.port.grpc={ports['s3_grpc']}",
        f"-master.port={ports['weed_master']}",
        f"-master.port.grpc={ports['weed_master_grpc']}",
        f"-volume.port={ports['weed_volume']}",
        f"-volume.port.grpc={ports['weed_volume_grpc']}",
        f"-filer.port={ports['weed_filer']}",
        f"-filer.port.grpc={ports['weed_filer_grpc']}",
    ]
    # it keeps 230 MB for good: with a limit of 256 MiB it collected garbage all the time, a tenth of a core
    limits = {"GOMEMLIMIT": "512MiB", "GOMAXPROCS": "1"}
    service = Service("s3", argv, limits, cwd=str(folder), stop_s=2.0, always=True)
    port = ports["s3"]

    def prepare(say: Say) -> None:
        fresh_folder(folder / "data")
        write_private(config, json.dumps(identities, indent=1))

    return Server(label=LABEL, port=port, service=service, prepare=prepare, check=lambda: check(port, secrets))


def remove_sockets(ports: Mapping[str, int]) -> None:
    """weed puts sockets named after its ports into /tmp and leaves them there; call it once weed has stopped."""
    for port in (ports[name] for name in PORTS):
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)


def endpoint(port: int) -> str:
    """endpoint_url of the store."""
    return f"http://{HOST}:{port}"


def check(port: int, secrets: Secrets) -> None:
    """Make the bucket if it is not there; write, read and delete an object."""
    require_listener(port)
    client = boto3.client(
        "s3",
        endpoint_url=endpoint(port),
        region_name=REGION,
        aws_access_key_id=secrets.s3_access_key,
        aws_secret_access_key=secrets.s3_secret_key,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20, proxies={}),
    )
    try:
        client.head_bucket(Bucket=BUCKET)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=BUCKET)
    key, body = f".trackfold-check/{uuid.uuid4()}", uuid.uuid4().bytes
    client.put_object(Bucket=BUCKET, Key=key, Body=body)
    if client.get_object(Bucket=BUCKET, Key=key)["Body"].read() != body:
        raise ConnectionError(f"{endpoint(port)}: gave back another object than it took")
    client.delete_object(Bucket=BUCKET, Key=key)


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("weed: not found beside this Python nor on PATH; install the extra `local`")
    return found
