"""What the image's root scripts make of a start (gate.py)."""

import pytest

from gate import Image

SICK = "api: the API did not answer within 10s\nloopback: \"nothing\" was recorded in \\new; 0 packets"


@pytest.fixture
def image(tmp_path):
    return Image(tmp_path)


GIVEN_UP = ["rauc status mark-good", "rauc status mark-bad other", "rauc status mark-active booted"]
STATES = [
    # What the loader knew at the start of side A; what is asked of the updater.
    ("an everyday start", {"ORDER": "A B", "A_OK": 1, "A_TRY": 1, "B_OK": 1, "B_TRY": 0}, GIVEN_UP[:1]),
    ("side B fell", {"ORDER": "B A", "A_OK": 1, "A_TRY": 1, "B_OK": 1, "B_TRY": 3}, GIVEN_UP),
    ("the menu chose A", {"ORDER": "B A", "A_OK": 1, "A_TRY": 1, "B_OK": 1, "B_TRY": 0}, GIVEN_UP[:1]),
    ("A is in its last try", {"ORDER": "A B", "A_OK": 1, "A_TRY": 3, "B_OK": 1, "B_TRY": 3}, GIVEN_UP[:1]),
    ("U-Boot, an everyday start", {"BOOT_ORDER": "A B", "BOOT_A_LEFT": 2, "BOOT_B_LEFT": 3}, GIVEN_UP[:1]),
    ("U-Boot, side B fell", {"BOOT_ORDER": "B A", "BOOT_A_LEFT": 2, "BOOT_B_LEFT": 0}, GIVEN_UP),
    ("U-Boot, A was chosen", {"BOOT_ORDER": "B A", "BOOT_A_LEFT": 2, "BOOT_B_LEFT": 1}, GIVEN_UP[:1]),
]


@pytest.mark.parametrize("known, asked", [state[1:] for state in STATES], ids=[state[0] for state in STATES])
def test_a_healthy_side_is_marked_good_and_a_fallen_one_given_up_before_the_copy(image, known, asked):
    (image.grub if "ORDER" in known else image.uboot)(**known)
    done = image.run("health-gate")
    assert (done.returncode, image.called()) == (0, asked), done.stderr
    state = image.state()
    order = state.get("ORDER") or state["BOOT_ORDER"]
    assert order == ("A B" if asked == GIVEN_UP else known.get("ORDER") or known["BOOT_ORDER"])
    # What a lost state is healed from knows the same.
    assert image.kept() == state | {"GOOD": "A 0.2"}
    assert image.diary() == [("A", "0.2", "good", None)]


def test_a_boot_state_that_is_lost_after_a_fall_does_not_bring_the_fallen_side_back(image):
    image.grub(ORDER="B A", A_OK=1, A_TRY=1, B_OK=1, B_TRY=3)
    assert image.run("health-gate").returncode == 0
    image.grubenv.write_bytes(b"torn")
    assert image.run("boot-state", "begin").returncode == 0
    assert image.state() == {"ORDER": "A B", "A_OK": "1", "A_TRY": "1", "B_OK": "0", "B_TRY": "0"}
    assert [line[2] for line in image.diary()] == ["good", "healed", "started"]


def test_what_the_updater_cannot_mark_is_said_and_is_not_good(image):
    image.grub(ORDER="A B", A_OK=1, A_TRY=1, B_OK=0, B_TRY=0)
    (image.folder / "rauc-broken").touch()
    assert image.run("health-gate").returncode == 1
    assert image.diary() == [("A", "0.2", "failed", "the updater could not mark this side good")]


FAILS = [
    # Which version was good last, and where; whether the box is restarted.
    ("B 0.1", True, "on trial"),
    ("A 0.1", True, "on trial"),
    ("A 0.2", False, "was good before"),
    (None, False, "nothing to go back to"),
]


@pytest.mark.parametrize("good, restarts, says", FAILS, ids=[str(fail[0]) for fail in FAILS])
def test_a_sick_version_restarts_the_box_only_if_it_is_on_trial(image, good, restarts, says):
    image.grub(ORDER="A B", A_OK=1, A_TRY=1, B_OK=1, B_TRY=0)
    image.health(SICK, 1)
    if good:
        image.was_good(good)
    done = image.run("health-gate")
    assert done.returncode == 1 and says in done.stdout, done.stdout
    assert image.called() == (["systemctl --no-block reboot"] if restarts else [])
    # Each check that failed, in one line, as it was said.
    assert image.diary() == [("A", "0.2", "failed", SICK.replace("\n", "; "))]
    assert image.state()["A_TRY"] == "1"


def test_a_start_without_a_side_is_not_judged_and_never_restarted(image):
    (image.folder / "cmdline").write_text("quiet")
    image.was_good("A 0.1")
    image.health(SICK, 1)
    assert image.run("health-gate").returncode == 1
    assert image.called() == [] and not (image.data / "boots.jsonl").exists()


def test_on_a_raspberry_pi_the_side_that_proved_itself_is_the_first_again(image):
    (image.folder / "system.conf").write_text("bootloader=custom\n")
    (image.data / "system/tryboot").write_text("A=good\nPRIMARY=B\n")
    assert image.run("boot-state", "begin").returncode == 0
    ask = lambda *words: image.run("tryboot-backend", *words).stdout.strip()
    assert (ask("get-current"), ask("get-primary")) == ("A", "B")
    assert ask("set-state", "A", "good") == "" and ask("get-primary") == "A"
    assert image.diary()[0][2:] == (
        "healed", "autoboot.txt was lost or torn and is written anew (this side first)")
