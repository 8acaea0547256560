"""`thalamus docs add | list | remove | rebuild`: what is taken in, what is told, how it ends."""

from __future__ import annotations

import json
import os
import threading

import pytest

from proxy.cli import main
from proxy.cli.library import MAX_TOLD
from retrieval.library_lock import library_lock


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs one command in a folder of its own; returns its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> tuple[int, str, str]:
        code = main(("docs", *words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return go


@pytest.fixture
def handbook(tmp_path):
    """A folder with a good document."""
    folder = tmp_path / "handbook"
    (folder / "payment").mkdir(parents=True)
    (folder / "payment" / "refunds.md").write_text("# Refunds\n\nThey take three days.\n")
    return folder


def test_documents_are_added_listed_and_removed(run, handbook, tmp_path):
    """Folders and files, tied by the folder's name to the shipped intents."""
    (tmp_path / "退货.txt").write_bytes("七天之内可以申请退货，客服会尽快处理。".encode("gbk"))

    added = run("add", "handbook", "退货.txt")
    listed = run("list")
    found = json.loads(run("list", "--json")[1])
    removed = run("remove", "handbook")

    assert (0, "2 added, 0 changed, 0 removed; the library holds 2 documents.\n", "") == added
    assert "handbook/payment/refunds.md" in listed[1]
    assert [("handbook/payment/refunds.md", ["payment"], "folder"), ("退货.txt", [], None)] == [
        (each["name"], each["intents"], each["tied_by"]) for each in found["documents"]
    ]
    assert "gb18030" == found["documents"][1]["encoding"]
    assert [("handbook", str(handbook)), ("退货.txt", str(tmp_path / "退货.txt"))] == [
        (each["name"], each["path"]) for each in found["sources"]
    ]
    assert (0, "Removed 'handbook': 1 document less, the library holds 1 document.\n", "") == removed
    assert (handbook / "payment" / "refunds.md").exists()
    assert {"removed": "退货.txt", "path": str(tmp_path / "退货.txt"), "documents": ["退货.txt"]} == json.loads(
        run("remove", "退货.txt", "--json")[1]
    )


def test_a_bad_file_is_told_and_the_rest_is_added(run, handbook, tmp_path):
    """The exit code says that something was wrong; a single file that cannot be read is not kept."""
    (handbook / "scan.pdf").write_bytes(b"%PDF-1.7 broken")
    (tmp_path / "empty.md").write_text("")

    code, out, err = run("add", "handbook", "empty.md")

    assert (1, "1 added, 0 changed, 0 removed; the library holds 1 document.\n") == (code, out)
    assert [f"{tmp_path / 'empty.md'}: holds no text.", f"{handbook / 'scan.pdf'}: is damaged, or no pdf file."] == (
        err.splitlines()
    )
    assert ["handbook"] == [each["name"] for each in json.loads(run("list", "--json")[1])["sources"]]
    assert "scan.pdf: is damaged" in run("list")[2]
    assert 1 == run("rebuild")[0]


def test_a_long_list_of_troubles_is_cut(run, handbook):
    """The rest is in the JSON."""
    for at in range(MAX_TOLD + 3):
        (handbook / f"{at}.md").write_text("")

    _, _, err = run("add", "handbook")

    assert MAX_TOLD == err.count("holds no text")
    assert "… and 3 more; see: thalamus docs list --json" in err


def test_the_folder_of_the_settings_is_part_of_it(run, handbook, tmp_path):
    """It is taken in by a rebuild, and cannot be removed by name."""
    (tmp_path / "thalamus.toml").write_text('[retrieval]\nlibrary = "handbook"\nenabled = false\n')

    before, rebuilt, removed = run("list"), run("rebuild"), run("remove", "payment/refunds.md")

    assert "take them in with: thalamus docs rebuild" in before[1]
    assert (0, "1 added, 0 changed, 0 removed; the library holds 1 document.\n") == rebuilt[:2]
    assert "retrieval.enabled is false" in rebuilt[2]
    assert 1 == removed[0]
    assert "in a folder that is watched; delete the file, and it is gone here too" in removed[2]
    report = json.loads(run("rebuild", "--json")[1])
    assert ([], True, []) == (report["added"], report["indexed"], report["troubles"])
    assert ["payment/refunds.md"] == [each["name"] for each in report["documents"]]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "nowhere.md"), "there is no such file or folder"),
        (("add", "handbook", "handbook", "--name", "x"), "give --name with one PATH"),
        (("add", "thalamus.log"), "of a kind that is not read here"),
        (("remove", "nothing"), "There is no document 'nothing'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, handbook, tmp_path, words, reason):
    """And changes nothing."""
    (tmp_path / "thalamus.log").write_text("x")

    code, _, err = run(*words)

    assert 1 == code
    assert reason in err
    assert 1 == len(err.splitlines())
    assert "There is no document of yours yet" in run("list")[1]


def test_damaged_characters_are_told(run, tmp_path):
    """A UTF-8 file with a few broken bytes is taken in."""
    (tmp_path / "a.md").write_bytes(("退款将原路返回。" * 20).encode() + b"\xff")

    code, _, err = run("add", "a.md")

    assert (0, f"{tmp_path / 'a.md'}: 1 characters could not be read.\n") == (code, err)


def test_another_process_at_work_is_named_and_waited_for(run, handbook, tmp_path):
    """Then its turn comes."""
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with library_lock(tmp_path / ".thalamus" / "library" / "lock", "rebuild"):
            held.set()
            let_go.wait(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    code, _, err = run("add", "handbook")
    thread.join()

    assert 0 == code
    assert f"Waiting for process {os.getpid()} (rebuild, since" in err
