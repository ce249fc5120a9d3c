"""Runs checks one after the other and counts them."""


class Skipped(Exception):
    """Why a check cannot run here."""


def told(checks, *given) -> int:
    """The exit status. Each check is called with what is given, and complains by an AssertionError."""
    failed = skipped = 0
    for check in checks:
        try:
            check(*given)
            print(f"ok {check.__name__}")
        except Skipped as why:
            skipped += 1
            print(f"SKIPPED {check.__name__}: {why}")
        except AssertionError as error:
            failed += 1
            print(f"FAILED {check.__name__}\n{error}")
    print(f"{len(checks) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0
