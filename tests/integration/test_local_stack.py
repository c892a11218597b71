"""The local stack with its real servers: what they do, and that nothing which is killed takes the stack with it."""

import http.client
import itertools
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import clickhouse_connect
import psutil
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from infra.config import load_settings
from infra.local import processes, runner
from infra.local import s3 as object_store
from infra.local import stack as local_stack
from infra.local.ports import FIRST, LAST, choose
from infra.local.stack import Endpoints

RECORD = b"kept"
SCHEMA = '{"type":"record","name":"Kept","fields":[{"name":"n","type":"int"}]}'
INCIDENT = {
    "branch_id": "b",
    "incident_time": "2025-10-25 11:31:30",
    "reported_location": "Counter",
    "incident_type": "customer_staff_interaction",
    "status": "Open",
    "image": "",
    "percentage": 90,
    "vehicle_template": "",
    "unattended_customer": 0,
}


def objects(at: Endpoints, **changed: str) -> Any:
    """An S3 client."""
    given = {"aws_access_key_id": at.s3_access_key_id, "aws_secret_access_key": at.s3_secret_access_key} | changed
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    return boto3.client("s3", endpoint_url=at.s3_endpoint_url, region_name="us-east-1", config=config, **given)


def rows(at: Endpoints, **options: Any) -> Any:
    """A ClickHouse client."""
    url = urlsplit(at.clickhouse_url)
    given: dict[str, Any] = {"username": at.clickhouse_username, "password": at.clickhouse_password}
    given |= {"host": url.hostname, "port": url.port, "database": at.clickhouse_database}
    return clickhouse_connect.get_client(**(given | options))


def partner(at: Endpoints, path: str, body: object = None, **headers: str) -> Any:
    """One request to the partner APIs; the decoded answer."""
    url = urlsplit(at.partner_url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=20)
    given = {"X-API-Key": at.incident_api_key, "Content-Type": "application/json"} | headers
    connection.request("GET" if body is None else "POST", path, body and json.dumps(body), given)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return json.load(answer)


def leave_data(at: Endpoints) -> None:
    """Something in every server, acknowledged by it."""
    admin = AdminClient({"bootstrap.servers": at.kafka_bootstrap_servers})
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(20)
    failed: list[Any] = []
    producer = Producer({"bootstrap.servers": at.kafka_bootstrap_servers, "acks": "all"})
    producer.produce("kept", RECORD, on_delivery=lambda error, message: failed.append(error) if error else None)
    assert producer.flush(20) == 0
    assert failed == []
    SchemaRegistryClient({"url": at.registry_url}).register_schema("kept-value", Schema(SCHEMA, "AVRO"))
    objects(at).put_object(Bucket=at.s3_bucket, Key="kept/clip.mp4", Body=b"clip", ContentType="video/mp4")
    client = rows(at)
    client.command("CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS fsync_after_insert = 1")
    client.insert("kept", [[n] for n in range(1000)], column_names=["n"])
    client.close()
    partner(at, "/api/Addprolificai_alerts", INCIDENT, **{"Idempotency-Key": "kept"})


def check_data(at: Endpoints) -> None:
    """All of it is there, once."""
    reader = Consumer(
        {"bootstrap.servers": at.kafka_bootstrap_servers, "group.id": "kept", "enable.auto.commit": False}
    )
    reader.assign([TopicPartition("kept", 0, 0)])
    message = reader.poll(20)
    assert message is not None
    assert message.value() == RECORD
    assert reader.get_watermark_offsets(TopicPartition("kept", 0), timeout=10) == (0, 1)
    reader.close()
    kept = SchemaRegistryClient({"url": at.registry_url}).get_latest_version("kept-value")
    assert json.loads(kept.schema.schema_str or "") == json.loads(SCHEMA)
    assert objects(at).get_object(Bucket=at.s3_bucket, Key="kept/clip.mp4")["Body"].read() == b"clip"
    client = rows(at)
    assert client.query("SELECT count(), sum(n) FROM kept").result_rows == [(1000, 499500)]
    client.close()
    assert [entry["idempotency_key"] for entry in partner(at, "/incidents")["incidents"]] == ["kept"]


# what the servers do, on the stack that all tests share


def test_status_tells_that_every_server_did_a_real_operation(stack_dir: Path, stack: Endpoints) -> None:
    found = {server.name: server for server in local_stack.status(stack_dir)}
    assert list(found) == ["kafka", "registry", "s3", "clickhouse", "partner"]
    for server in found.values():
        assert server.ready, server.problem
        assert server.pid is not None
    assert found["kafka"].address == stack.kafka_bootstrap_servers


def test_settings_are_read_from_what_up_wrote_and_only_by_the_owner(stack_dir: Path, stack: Endpoints) -> None:
    assert stat.S_IMODE((stack_dir / "stack.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((stack_dir / "stack.json").stat().st_mode) == 0o600
    settings = load_settings(stack_dir=stack_dir)
    assert settings.kafka.bootstrap_servers == stack.kafka_bootstrap_servers
    assert settings.registry.url == stack.registry_url
    assert settings.registry.url.endswith("/apis/ccompat/v7")
    assert (settings.s3.endpoint_url, settings.s3.bucket) == (stack.s3_endpoint_url, "trackfold")
    assert settings.s3.public_base_url == stack.s3_public_base_url
    assert settings.incident.api_key is not None
    assert settings.incident.api_key.get_secret_value() == stack.incident_api_key
    assert settings.upload.url == stack.upload_url
    assert settings.clickhouse.url == stack.clickhouse_url
    assert settings.clickhouse.password.get_secret_value() == stack.clickhouse_password
    assert settings.partner.url == stack.partner_url


def test_no_secret_stands_in_a_command_line_or_a_log(stack_dir: Path, stack: Endpoints) -> None:
    secrets = [stack.s3_secret_access_key, stack.clickhouse_password, stack.upload_api_key, stack.incident_api_key]
    words = "\n".join(word for process in processes.of_folder(stack_dir) for word in process.cmdline())
    logs = "\n".join(log.read_text(errors="replace") for log in (stack_dir / "logs").iterdir())
    assert [secret for secret in secrets if secret in words or secret in logs] == []


def test_nothing_listens_to_other_machines(stack_dir: Path, stack: Endpoints) -> None:
    listening = [
        connection.laddr.ip
        for process in processes.of_folder(stack_dir)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 10
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_topic_is_not_made_by_a_typing_error(stack: Endpoints) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka_bootstrap_servers, "message.timeout.ms": 3000})
    errors: list[Any] = []
    producer.produce("no-such-topic", b"x", on_delivery=lambda error, message: errors.append(error))
    producer.flush(10)
    assert errors
    admin = AdminClient({"bootstrap.servers": stack.kafka_bootstrap_servers})
    assert "no-such-topic" not in admin.list_topics(timeout=10).topics


def test_s3_checks_signatures_and_shows_objects_without_one(stack: Endpoints) -> None:
    key = f"test/{random.random()}.mp4"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        objects(stack, aws_secret_access_key="wrong").put_object(Bucket=stack.s3_bucket, Key=key, Body=b"x")
    objects(stack).put_object(Bucket=stack.s3_bucket, Key=key, Body=b"0123456789", ContentType="video/mp4")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    part = urllib.request.Request(f"{stack.s3_public_base_url}/{key}", headers={"Range": "bytes=2-4"})
    with opener.open(part, timeout=20) as answer:
        assert (answer.status, answer.read(), answer.headers["Content-Type"]) == (206, b"234", "video/mp4")
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(urllib.request.Request(f"{stack.s3_public_base_url}/{key}", data=b"y", method="PUT"), timeout=20)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        objects(stack).put_object(Bucket=stack.s3_bucket, Key=key, Body=b"other", IfNoneMatch="*")
    objects(stack).delete_object(Bucket=stack.s3_bucket, Key=key)


@pytest.fixture
def table(stack: Endpoints) -> Iterator[str]:
    """A table of our own."""
    name = f"t{random.getrandbits(40)}"
    client = rows(stack)
    client.command(f"CREATE TABLE {name} (n UInt64, s String, at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY n")
    yield name
    client.command(f"DROP TABLE {name}")
    client.close()


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_clickhouse_takes_rows_and_gives_them_back(stack: Endpoints, table: str, compress: str | bool) -> None:
    # given
    client = rows(stack, compress=compress)
    at = datetime(2025, 10, 25, 11, 31, 30, 123000, UTC)
    # when 50,000 rows are inserted, in several blocks
    given = [[n, f"it's\t\\{n}", at] for n in range(50_000)]
    assert client.insert(table, given, column_names=["n", "s", "at"]).written_rows == 50_000
    # then parameters, settings and streams give back what was put in
    asked = {"n": 49_999, "s": "it's\t\\49999"}
    query = f"SELECT * FROM {table} WHERE n = {{n:UInt64}} AND s = {{s:String}}"
    found = client.query(query, parameters=asked, settings={"max_threads": 1})
    assert found.column_names == ("n", "s", "at")
    assert found.result_rows == [(49_999, "it's\t\\49999", at.replace(tzinfo=None))]
    with client.query_row_block_stream(f"SELECT n FROM {table} ORDER BY n") as blocks:
        assert [n for block in blocks for (n,) in block] == list(range(50_000))
    assert client.query(f"SELECT * FROM {table} LIMIT 0").column_names == ("n", "s", "at")
    assert client.raw_query("SELECT 1 AS x FORMAT JSONEachRow") == b'{"x":1}\n'
    assert client.command(f"EXISTS TABLE {table}") == 1
    client.close()


def test_clickhouse_takes_long_statements_and_queries_sent_as_a_form(stack: Endpoints, table: str) -> None:
    client = rows(stack, form_encode_query_params=True)
    values = ", ".join(f"({n}, 'FORMAT CSV', 0)" for n in range(20_000))  # far longer than what is looked at first
    client.command(f"INSERT INTO {table} VALUES {values}")
    found = client.query(f"SELECT count() FROM {table} WHERE n < {{limit:UInt64}}", parameters={"limit": 15_000})
    assert found.result_rows == [(15_000,)]
    client.close()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT * FROM no_such_table", 60),
        ("SELEC 1", 62),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115),
        ("SELECT sleep(3) SETTINGS max_execution_time = 1", 159),
        ("SELECT throwIf(number = 1500000) FROM numbers(2000000)", 395),
    ],
)
def test_clickhouse_says_what_is_wrong_with_its_own_code(stack: Endpoints, query: str, code: int) -> None:
    client = rows(stack)
    with pytest.raises(DatabaseError) as caught:
        client.query(query)
    assert caught.value.code == code
    client.close()


def test_a_query_that_fails_after_its_first_rows_does_not_look_like_a_short_result(stack: Endpoints) -> None:
    client = rows(stack)
    with (
        pytest.raises(StreamFailureError, match="throwIf"),
        client.query_row_block_stream("SELECT throwIf(number = 1500000) FROM numbers(2000000)") as blocks,
    ):
        for _ in blocks:
            pass
    client.close()


def test_a_broken_insert_leaves_no_rows(stack: Endpoints, table: str) -> None:
    url = urlsplit(stack.clickhouse_url)
    credentials = {"X-ClickHouse-User": stack.clickhouse_username, "X-ClickHouse-Key": stack.clickhouse_password}
    # given a body that promises more than comes, then a connection that is gone
    connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=20)
    connection.putrequest("POST", "/")
    for name, value in (credentials | {"Content-Length": "1000000"}).items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(f"INSERT INTO {stack.clickhouse_database}.{table} (n) FORMAT CSV\n".encode() + b"1\n" * 100_000)
    connection.close()
    # and one whose data are wrong
    client = rows(stack)
    with pytest.raises(DatabaseError):
        client.raw_insert(table, ["n"], b"1\n2\nthree\n", fmt="CSV")
    # then
    assert client.query(f"SELECT count() FROM {table}").result_rows == [(0,)]
    client.close()


def test_queries_run_side_by_side_and_share_no_session(stack: Endpoints) -> None:
    slow, quick = rows(stack), rows(stack)
    with slow.query_row_block_stream("SELECT number FROM numbers(20000000)") as blocks:
        next(iter(blocks))  # given a result that is taken slowly
        quick.command("SET max_threads = 1")
        assert quick.query("SELECT 1").result_rows == [(1,)]
        assert quick.query("SELECT getSetting('max_threads') = 1").result_rows in ([(0,)], [(False,)])
    slow.close()
    quick.close()


def test_clickhouse_wants_the_password_and_a_get_cannot_write(stack: Endpoints) -> None:
    with pytest.raises(DatabaseError, match="516"):
        rows(stack, password="wrong")
    url = urlsplit(stack.clickhouse_url)
    credentials = {"X-ClickHouse-User": stack.clickhouse_username, "X-ClickHouse-Key": stack.clickhouse_password}
    answers = {}
    for query in ("SELECT%201", "CREATE%20DATABASE%20x", ""):
        connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=20)
        connection.request("GET", f"/?query={query}" if query else "/ping", headers=credentials)
        answer = connection.getresponse()
        answers[query] = (answer.status, answer.headers["X-ClickHouse-Exception-Code"], answer.read())
    assert answers["SELECT%201"] == (200, None, b"1\n")
    assert answers["CREATE%20DATABASE%20x"][:2] == (403, "164")
    assert answers[""] == (200, None, b"Ok.\n")


# what happens when something is killed, on a stack of our own beside the shared one


@pytest.fixture(scope="module")
def own_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    yield folder
    local_stack.down(folder, say=print)


@pytest.fixture(scope="module")
def own_with_data(own_dir: Path, stack: Endpoints) -> Endpoints:
    """Our own stack while the shared one runs, with data in it."""
    at = local_stack.up(own_dir, say=print)
    leave_data(at)
    return at


def up_as_a_program(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-m", "trackfold", "up", "--folder", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    lines = list(itertools.takewhile(lambda line: words not in line, process.stdout))
    assert process.poll() is None, lines


def test_two_stacks_at_once_share_nothing(own_with_data: Endpoints, stack: Endpoints, stack_dir: Path) -> None:
    mine, shared = asdict(own_with_data), asdict(stack)
    same = {name for name in mine if mine[name] == shared[name]}
    assert same == {"s3_bucket", "clickhouse_username", "clickhouse_database"}
    assert rows(stack).command("EXISTS TABLE kept") == 0
    check_data(own_with_data)


def test_up_again_changes_nothing(own_dir: Path, own_with_data: Endpoints) -> None:
    before = {process.pid for process in processes.of_folder(own_dir)}
    assert local_stack.up(own_dir, say=print) == own_with_data
    assert {process.pid for process in processes.of_folder(own_dir)} == before


def test_every_server_that_is_killed_comes_back_with_its_data(own_dir: Path, own_with_data: Endpoints) -> None:
    # given
    before = {state.name: state.pid for state in runner.states(own_dir)}
    for pid in before.values():
        os.kill(pid or 0, signal.SIGKILL)
    # when
    at = local_stack.up(own_dir, say=print)
    # then
    assert at == own_with_data
    check_data(at)
    after = {state.name: state.pid for state in runner.states(own_dir)}
    assert all(after[name] not in (None, before[name]) for name in before)


def test_a_killed_runner_leaves_nothing_that_down_does_not_find(own_dir: Path, own_with_data: Endpoints) -> None:
    # given
    left = processes.of_folder(own_dir)
    os.kill(runner.runner_pid(own_dir) or 0, signal.SIGKILL)
    # when
    local_stack.down(own_dir, say=print)
    # then
    assert [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    sockets = [path.name for path in Path("/tmp").glob("seaweedfs-*.sock")]
    ports = json.loads((own_dir / "stack.json").read_text())["ports"]
    assert [name for name in sockets if any(name.endswith(f"-{ports[port]}.sock") for port in object_store.PORTS)] == []


def test_ctrl_c_while_it_comes_up_takes_everything_down_again(own_dir: Path, own_with_data: Endpoints) -> None:
    local_stack.down(own_dir, say=print)
    process = up_as_a_program(own_dir)
    read_until(process, "Partner APIs: starting")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert processes.of_folder(own_dir) == set()


def test_a_port_taken_by_another_program_is_left_to_it(own_dir: Path, own_with_data: Endpoints) -> None:
    # given a stack that is down, and programs on two of its ports
    local_stack.down(own_dir, say=print)
    ports = json.loads((own_dir / "stack.json").read_text())["ports"]
    told: list[str] = []
    with socket.create_server(("127.0.0.1", ports["kafka"])), socket.create_server(("127.0.0.1", ports["s3"])):
        # when
        at = local_stack.up(own_dir, say=told.append)
    # then those two have other ports, which stack.env tells, and the data are there
    now = json.loads((own_dir / "stack.json").read_text())["ports"]
    assert {name for name in ports if ports[name] != now[name]} == {"kafka", "s3"}
    assert any(f"port {ports['kafka']} of kafka is taken" in line for line in told)
    assert load_settings(stack_dir=own_dir).kafka.bootstrap_servers == f"127.0.0.1:{now['kafka']}"
    check_data(at)


def test_a_killed_up_is_taken_on_by_the_next_and_two_at_once_agree(own_dir: Path, own_with_data: Endpoints) -> None:
    # given an `up` that is killed while the servers start
    local_stack.down(own_dir, say=print)
    killed = up_as_a_program(own_dir)
    read_until(killed, "Partner APIs: starting")
    killed.kill()
    killed.communicate()
    # when two others follow at once
    both = [up_as_a_program(own_dir) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    # then both succeed, with one set of servers
    assert [process.returncode for process in both] == [0, 0], said
    assert len(processes.of_folder(own_dir)) == 6
    check_data(local_stack.up(own_dir, say=print))


def test_down_where_nothing_is_does_no_harm(tmp_path: Path) -> None:
    told: list[str] = []
    local_stack.down(tmp_path / "nowhere", say=told.append)
    local_stack.down(tmp_path, say=told.append)
    assert told == [f"{tmp_path / 'nowhere'}: no stack there, nothing to stop", "nothing was running"]
    assert local_stack.status(tmp_path) == []


def test_ports_are_kept_while_they_are_free_and_new_ones_are_nobodys() -> None:
    # given a port that is free, one that another stack keeps, one that a program listens on
    with socket.create_server(("127.0.0.1", 0)) as program:
        listened = program.getsockname()[1]
        free = choose(["free"], {}, set())["free"]
        kept = {"mine": free, "others": free + 1, "listened": listened}
        # when
        chosen = choose(["mine", "others", "listened", "new"], kept, taken_by_others={free + 1})
    # then
    assert chosen["mine"] == free
    assert chosen["others"] != free + 1
    assert chosen["listened"] != listened
    assert len(set(chosen.values())) == 4
    assert all(FIRST <= port < LAST for port in chosen.values())
