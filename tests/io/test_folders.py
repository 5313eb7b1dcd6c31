from pathlib import Path

from runner.io.folders import Folders


def test_a_file_is_held_once_however_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "t.json").write_text("[1, 2]")
    folders = Folders(tmp_path, Path("configs"))
    first = folders.read("configs", "t.json")
    assert folders.read("configs", "./././t.json") is first
    assert folders.read(".", "configs/../configs/t.json") is first
