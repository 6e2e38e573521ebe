import io
import zipfile
from pathlib import Path

import pytest
from demo.judge import PLACES

from demo import artifacts


@pytest.fixture(scope="module")
def made() -> dict[str, artifacts.Artifact]:
    return {one.key: one for one in artifacts.build()}


def test_about_a_dozen_artifacts_cover_every_verdict(made: dict[str, artifacts.Artifact]) -> None:
    assert len(made) == 12
    assert {one.expected for one in made.values()} == set(PLACES)


def test_encrypted_zip_opens_with_its_password_only(made: dict[str, artifacts.Artifact]) -> None:
    with zipfile.ZipFile(io.BytesIO(made["vendor/encrypted.zip"].data)) as archive:
        assert archive.read("secret.txt", pwd=b"password") == artifacts.EICAR
        with pytest.raises(RuntimeError, match="encrypted"):
            archive.read("secret.txt")


def test_bad_member_comes_last_and_just_over_the_limit(made: dict[str, artifacts.Artifact]) -> None:
    with zipfile.ZipFile(io.BytesIO(made["vendor/many.zip"].data)) as archive:
        names = archive.namelist()
        assert len(names) == artifacts.MEMBERS + 1
        assert archive.read(names[-1]) == artifacts.EICAR


def test_real_wheel_stays_below_the_limit(made: dict[str, artifacts.Artifact]) -> None:
    wheel = next(one for key, one in made.items() if key.endswith(".whl") and one.expected == "clean")
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        assert 3 <= len(archive.namelist()) < artifacts.MEMBERS


def test_source_itself_holds_nothing_that_alarms() -> None:
    source = Path(artifacts.__file__).read_bytes()
    assert artifacts.EICAR not in source
    assert b"ghp_" not in source
