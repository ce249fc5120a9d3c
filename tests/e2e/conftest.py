"""A roomboxd per test module, and the line that scripts read."""

import asyncio
import inspect
import os
import sys

import pytest

from box import Box


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with Box(tmp_path_factory.mktemp("box")) as box:
        yield box
        box.check_alive()


def pytest_sessionfinish(session, exitstatus):
    session.config.exitstatus = exitstatus


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    count = lambda *kinds: sum(len(reporter.stats.get(kind, [])) for kind in kinds)
    print(f"{count('passed')} passed, {count('failed', 'error')} failed, {count('skipped')} skipped")
    sys.stdout.flush()
    # Threads of the SDK still call into Python; while the interpreter is being taken down that aborts
    # the process, and a run that passed would count as failed.
    if hasattr(config, "exitstatus"):
        os._exit(config.exitstatus)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Coroutine tests run to their end on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 90))
    return True
