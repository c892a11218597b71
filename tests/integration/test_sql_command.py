"""`trackfold sql` on a real engine: what is asked comes back as a table, CSV or JSON, or as a clear refusal."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import trackfold
from connectors.clickhouse.client import SqlError
from infra.config import Settings
from schemas.errors import InputError

Told = Callable[..., str]


@pytest.fixture
def told(clickhouse: Settings, capsys: pytest.CaptureFixture[str]) -> Told:
    """What `trackfold sql WORDS` prints."""

    def run(*words: str) -> str:
        arguments = trackfold.parser().parse_args(["sql", *words])
        assert arguments.call(arguments, clickhouse) == 0
        return capsys.readouterr().out

    return run


QUERY = "SELECT number AS n, if(n = 1, NULL, toString(n)) AS said, n / 4 AS share FROM numbers(3)"


def test_an_answer_is_a_table_or_csv_or_json(told: Told) -> None:
    assert told(QUERY).splitlines() == [
        "n  said  share",
        "-  ----  -----",
        "0  0         0",
        "1         0.25",
        "2  2       0.5",
        "(3 rows)",
    ]
    assert list(csv.reader(io.StringIO(told(QUERY, "--format", "csv")))) == [
        ["n", "said", "share"],
        ["0", "0", "0.0"],
        ["1", "", "0.25"],
        ["2", "2", "0.5"],
    ]
    assert json.loads(told(QUERY, "--format", "json"))[1] == {"n": 1, "said": None, "share": 0.25}


def test_an_answer_without_rows_still_names_its_columns(told: Told) -> None:
    nothing = "SELECT number AS n, 1 AS one FROM numbers(3) WHERE n > 5"
    assert told(nothing, "--format", "csv") == "n,one\n"
    assert told(nothing).splitlines() == ["n  one", "-  ---", "(0 rows)"]
    assert told(nothing, "--format", "json") == "[]\n"


def test_a_long_table_is_cut_and_says_so_and_csv_is_whole(told: Told) -> None:
    many = "SELECT number FROM numbers(1500)"
    assert told(many).endswith("(the first 1000 rows; there are more: --limit 0 shows all)\n")
    assert told(many, "--limit", "0").endswith("(1500 rows)\n")
    assert told(many, "--limit", "1500").endswith("(1500 rows)\n")
    assert len(told(many, "--format", "csv").splitlines()) == 1501
    assert len(json.loads(told(many, "--format", "json", "--limit", "7"))) == 7


def test_a_query_comes_from_a_file_or_from_standard_input_too(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a query with a comment before and a semicolon behind it
    text = "-- why\nSELECT 1 AS one;\n"
    (tmp_path / "question.sql").write_text(text)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    # then it is asked from everywhere alike
    assert json.loads(told("--format", "json", "--file", str(tmp_path / "question.sql"))) == [{"one": 1}]
    assert json.loads(told("--format", "json")) == [{"one": 1}]


def test_every_table_and_column_that_a_person_finds_there_says_what_it_is(told: Told) -> None:
    assert "episodes" in told("SHOW TABLES")
    assert "null while it lasts" in told("DESCRIBE TABLE episode_log")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SELECT\n1 FORM episodes WHERE"], "Syntax error: failed at position"),
        (["SELECT nope FROM episodes"], "nope"),
        (["SELECT 1 FROM episode"], "Maybe you meant"),
        (["DROP TABLE visits"], "a query here may read and cannot change anything"),
        (["SELECT 1; SELECT 2"], "Multi-statements are not allowed"),
        (["SELECT throwIf(number = 200000) FROM numbers(300000)", "--format", "csv"], "throwIf"),
    ],
    ids=["syntax", "column", "table", "a change", "two at once", "in the midst of the answer"],
)
def test_a_wrong_query_is_refused_in_clickhouses_own_words(told: Told, words: list[str], says: str) -> None:
    with pytest.raises(SqlError, match=says) as refused:
        told(*words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([" ;\n"], "the query is empty"),
        (["SELECT 1 FORMAT JSON;"], "leave FORMAT JSON out of the query"),
        (["--file", "/nowhere/question.sql"], r"/nowhere/question.sql: cannot be read"),
        (["SELECT 1", "--file", "question.sql"], "give one of them"),
    ],
    ids=["empty", "with a format", "no file", "query and file"],
)
def test_what_cannot_be_asked_says_what_to_do(told: Told, words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        told(*words)
