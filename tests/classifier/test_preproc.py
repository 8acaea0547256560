from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from classifier.ner import preproc as entities
from classifier.preproc import SCHEMA_VERSION, Analyzer, Preproc, decode, encode
from config.errors import ArtefactError

GOOD = Preproc(
    name="付款",
    task="multi",
    terms=("=pay", "支付", " pa", "=\ud800"),
    idf=(1.5, 2.25, 3.0, 1.0),
    labels=("payment", "none"),
    thresholds=(0.5, 0.25),
    temperature=0.5,
    abstain_below=0.75,
    sha256_model=bytes(range(32)),
    unknown_idf=8.0,
    at_least_one=True,
    exclusive=("none",),
    confidence_weights=(-1.0, 0.5, 0.25, 0.0),
)
TYPES = {"uint32": 13, "bool": 8, "string": 9, "bytes": 12, "float": 2}


def message() -> type:
    """The message of preproc.proto, as the real library makes it from the file."""
    source = (Path(__file__).parents[2] / "classifier" / "preproc.proto").read_text("utf-8")
    file = descriptor_pb2.FileDescriptorProto(name="preproc.proto", package="thalamus.classifier", syntax="proto3")
    for line in source.splitlines():
        words = line.split("//")[0].replace(";", " ").replace("=", " ").split()
        if words[:1] == ["message"]:
            current = file.message_type.add(name=words[1])
        elif len(words) >= 3 and words[-1].isdigit() and file.message_type:
            *repeated, kind, name, number = words
            field = current.field.add(name=name, number=int(number), label=3 if repeated else 1)
            if kind in TYPES:
                field.type = TYPES[kind]
            else:
                field.type, field.type_name = 11, f".thalamus.classifier.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("thalamus.classifier.Preproc"))


def test_what_is_written_is_read_back() -> None:
    """Every field survives the trip, half surrogates included."""
    assert GOOD == decode(encode(GOOD), file="preproc.bin")


def test_the_real_library_reads_what_we_write() -> None:
    """The bytes are Protobuf as preproc.proto lays it out."""
    plain = replace(GOOD, terms=("=pay", "支付", " pa", "x"))
    seen = message().FromString(encode(plain))

    assert ["=pay", "支付", " pa", "x"] == list(seen.terms)
    assert [1.5, 2.25, 3.0, 1.0] == list(seen.idf)
    assert (["payment", "none"], ["none"]) == (list(seen.labels), list(seen.exclusive))
    assert (SCHEMA_VERSION, "付款", "multi", True) == (seen.schema_version, seen.name, seen.task, seen.at_least_one)
    assert (5, True, 4096) == (seen.analyzer.longest_gram, seen.analyzer.sublinear_tf, seen.analyzer.max_chars)
    assert [-1.0, 0.5, 0.25, 0.0] == list(seen.confidence_weights)


def test_we_read_what_the_real_library_writes() -> None:
    """Protobuf leaves out what is zero and may pack or not; both are read."""
    plain = replace(GOOD, terms=("=pay", "支付", " pa", "x"), at_least_one=False, exclusive=(), unknown_idf=0.0)

    assert plain == decode(message().FromString(encode(plain)).SerializeToString(), file="preproc.bin")


def test_an_unknown_field_is_skipped() -> None:
    """A later writer may add fields of every wire type."""
    added = (
        bytes([0xA0, 0x06, 0x05]) + bytes([0xA9, 0x06]) + bytes(8) + bytes([0xB5, 0x06]) + bytes(4) + b"\xba\x06\x01x"
    )

    assert GOOD == decode(encode(GOOD) + added, file="preproc.bin")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (replace(GOOD, schema_version=2), "has schema version 2, this program reads 1"),
        (replace(GOOD, task="sequence"), "has the task 'sequence'"),
        (replace(GOOD, analyzer=Analyzer(longest_gram=6)), "reads text by other rules"),
        (replace(GOOD, labels=(), thresholds=()), "has no labels"),
        (replace(GOOD, labels=("a", "a"), exclusive=()), "names a label twice"),
        (replace(GOOD, terms=("a", "a", "b", "c")), "names a term twice"),
        (replace(GOOD, idf=(1.0,)), "one weight for each term"),
        (replace(GOOD, thresholds=(0.5,)), "one threshold for each label"),
        (replace(GOOD, exclusive=("x",)), "an exclusive label"),
        (replace(GOOD, out_of_scope="x"), "an out-of-scope label"),
        (replace(GOOD, confidence_weights=(1.0,)), "all weights of its confidence"),
        (replace(GOOD, abstain_below=float("nan")), "a number that is none"),
        (replace(GOOD, temperature=0.0), "a temperature that is not above 0"),
        (replace(GOOD, sha256_model=b"x"), "holds no hash of its model"),
    ],
)
def test_a_preprocessor_that_contradicts_itself_is_refused(broken: Preproc, says: str) -> None:
    """Each fault is named with the file and the mend."""
    with pytest.raises(ArtefactError, match=says) as caught:
        decode(encode(broken), file="models/preproc.bin")

    assert str(caught.value).startswith("models/preproc.bin: ")
    assert "forge it anew" in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_preprocessor_or_a_clear_error(data: bytes) -> None:
    """Nothing but the error of the house leaves the reader."""
    with pytest.raises(ArtefactError):
        decode(data, file="preproc.bin")


@given(st.data())
def test_a_damaged_preprocessor_never_crashes_the_reader(data: st.DataObject) -> None:
    """One changed or missing byte gives a value or a clear error."""
    good = encode(GOOD)
    at = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    for each in (damaged, good[:at]):
        with suppress(ArtefactError):
            decode(each, file="preproc.bin")


def test_a_model_of_entities_is_named_as_such() -> None:
    """It lies in the same kind of folder, and is no damaged micro-model."""
    other = entities.encode(entities.EntityPreproc("names", ("a",), ("person",), sha256_model=bytes(32)))

    with pytest.raises(ArtefactError, match=r"f: is of a model of entities, which says no labels; name the folder of"):
        decode(other, file="f")
    with pytest.raises(ArtefactError, match="f: is of a micro-model of labels, which finds no entities"):
        entities.decode(encode(GOOD), file="f")
