"""P3: what a power cut or a bad flash block leaves of the boot state never keeps a box from starting."""

import json

import pytest
from conftest import diary, grub_state

GRUBENV = "/boot/firmware/EFI/BOOT/grubenv"
UPSETS = {
    "the boot state is empty": f": >{GRUBENV}",
    "the boot state is zeroed": f"head -c 1024 /dev/zero >{GRUBENV}",
    "the boot state has gone": f"rm {GRUBENV}",
    "both sides are given up": f"grub-editenv {GRUBENV} set A_OK=0 B_OK=0",
    "no side has tries left": f"grub-editenv {GRUBENV} set A_TRY=3 B_TRY=3",
    "the updater's own state is torn": "printf '[slot.roo' >/data/rauc.status",
}


@pytest.mark.parametrize("upset", UPSETS)
def test_it_starts_all_the_same(owned, upset):
    before = len(diary(owned))
    version = owned.get("/api/v1/updates")["version"]
    owned.run(f"{UPSETS[upset]}; sync")
    good = owned.verdicts()
    owned.reset()
    owned.wait_verdict(times=good + 1)
    owned.wait(owned.answers, "the API never answered")
    added = diary(owned)[before:]
    assert added[-1]["outcome"] == "good" and added[-1]["version"] == version, added
    state = grub_state(owned)
    side = added[-1]["slot"]
    assert state["ORDER"].startswith(side) and state[f"{side}_OK"] == "1" and state[f"{side}_TRY"] == "0", state
    assert owned.answers()["claimed"] is True
    assert json.loads(owned.run("rauc status --output-format=json 2>/dev/null"))["booted"] == side

