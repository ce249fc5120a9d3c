"""U1: a bundle with one changed bit, wherever it is, is not the bundle that was signed."""

import os
import random
import shutil

import pytest
from bundles import flipped

PLACES = 1000 if os.environ.get("ROOMBOX_FULL") else 120


@pytest.fixture(scope="module")
def bundle(bundles):
    if shutil.which("veritysetup") is None:
        pytest.skip("SKIPPED: veritysetup is not installed (scripts/setup.sh image)")
    return bundles.small("0.9.9")


def test_the_bundle_itself_is_accepted(bundles, bundle):
    assert bundles.accepted(bundle)


def test_a_changed_bit_is_found_wherever_it_is(bundles, bundle):
    """Half of the places in the payload and its hash tree, half in the signature, which is small. About twenty
    bytes of CMS's envelope are nobody's word (RFC 5652: versions, names of what is in it): changed there, it
    may pass, if it is the same bundle that passes."""
    size = bundle.stat().st_size
    signature = size - 8 - bundles.verity(bundle)["signature"]
    places = random.Random(1)
    target = bundle.with_suffix(".changed")
    passed = set()
    for number in range(PLACES):
        offset = places.randrange(signature) if number % 2 else places.randrange(signature, size)
        if bundles.accepted(flipped(bundle, offset, target)):
            assert offset >= signature and bundles.told(target) == bundles.told(bundle), f"byte {offset} of {size} may be changed"
            passed.add(offset)
    assert len(passed) < 30, sorted(passed)
