"""Programs send a room somewhere with LiveKit's own SDK, to a real RTMP server."""

import sqlite3

import pytest
from broadcast import nginx, receive
from counterparts import free_port
from livekit import api
from receivers import Receiver
from studio import Studio, live, workers
from test_egress_uploads import ACTIVE, COMPLETE, FAILED, KEY, SECRET, ask, info

CANARY = "canary4711"
SENT, FINISHED, BROKEN = (api.StreamInfo.Status.Value(name) for name in ("ACTIVE", "FINISHED", "FAILED"))


def order(studio, *urls, **more):
    streams = [api.StreamOutput(protocol=api.StreamProtocol.RTMP, urls=urls)]
    return api.RoomCompositeEgressRequest(room_name=studio.room["name"], stream_outputs=streams, **more)


def start(box, wish):
    return ask(box, lambda egresses: egresses.start_room_composite_egress(wish))


def change(box, egress, add=(), remove=()):
    wish = api.UpdateStreamRequest(egress_id=egress, add_output_urls=add, remove_output_urls=remove)
    return ask(box, lambda egresses: egresses.update_stream(wish))


def test_a_room_is_sent_where_a_program_says_while_its_film_is_made(box, tmp_path):
    port = free_port()
    first, second = (f"rtmp://127.0.0.1:{port}/app/{CANARY}{n}" for n in (1, 2))
    with Receiver(KEY, SECRET) as receiver, nginx(tmp_path / "nginx", port), Studio(box) as studio:
        box.panel.call("POST", "/integrations/webhooks", {"url": receiver.url, "key": KEY, "rooms": "all"})
        started = start(box, order(studio, first, layout="grid", file_outputs=[api.EncodedFileOutput(filepath="a.mp4")]))
        assert started.status == ACTIVE and [one.status for one in started.stream_results] == [SENT]
        (output,) = studio.outputs()
        assert output["egress"] == started.egress_id and output["layout"] == "grid"
        studio.until(output, live)
        (worker,) = workers(box)
        assert receive(first, tmp_path / "first.mkv", 4)["frames"] > 20

        # Another address gets the same picture from the same program; a new layout breaks neither.
        changed = change(box, started.egress_id, add=[second])
        assert len(changed.stream_results) == 2
        other = next(one for one in studio.outputs() if one["id"] != output["id"])
        studio.until(other, live)
        relayout = api.UpdateLayoutRequest(egress_id=started.egress_id, layout="speaker")
        ask(box, lambda egresses: egresses.update_layout(relayout))
        assert receive(second, tmp_path / "second.mkv", 4)["frames"] > 20
        now = studio.outputs()
        assert [(one["layout"], one["state"], one["breaks"]) for one in now] == [("speaker", "live", 0)] * 2
        assert workers(box) == [worker]

        # What is not sent cannot be taken away, and nothing of a wish is done that cannot be done whole.
        for add, remove, words in [
            ((), [f"rtmp://127.0.0.1:{port}/app/else"], "nothing of this order"),
            (["http://example.org/x"], [first], "rtmp://"),
            ([second], [first], "in use"),
        ]:
            with pytest.raises(api.TwirpError) as refused:
                change(box, started.egress_id, add, remove)
            assert refused.value.code == "invalid_argument" and words in refused.value.message, refused.value
            assert CANARY not in refused.value.message
        assert [one.status for one in info(box, started.egress_id).stream_results] == [SENT, SENT]

        changed = change(box, started.egress_id, remove=[first])
        assert [one.status for one in changed.stream_results] == [FINISHED, SENT] and changed.status == ACTIVE
        ask(box, lambda egresses: egresses.stop_egress(api.StopEgressRequest(egress_id=started.egress_id)))
        assert studio.outputs() == []
        box.wait(lambda: info(box, started.egress_id).status == COMPLETE)
        done = info(box, started.egress_id)
        assert [one.status for one in done.stream_results] == [FINISHED, FINISHED]
        assert all(one.duration > 0 and not one.error for one in done.stream_results), done
        assert done.file_results[0].size > 0
        told = box.wait(lambda: (heard := [one.event for one in receiver.events if one.event.startswith("egress")])
                        and heard[-1] == "egress_ended" and heard)
        assert told[0] == "egress_started" and told.count("egress_started") == 1 == told.count("egress_ended")
        assert CANARY not in str(receiver.events) and CANARY not in str(done)
    assert CANARY not in box.log_path.read_text()
    with sqlite3.connect(box.data / "roombox.db") as sql:
        kept = sql.execute("SELECT row FROM egress UNION ALL SELECT row FROM outputs").fetchall()
    assert kept and not any(CANARY in row for row, in kept)


def test_what_is_only_sent_ends_with_its_last_address_and_its_recording_with_it(box):
    nobody = f"rtmp://127.0.0.1:{free_port()}/app/{CANARY}"
    with Receiver(KEY, SECRET) as receiver, Studio(box) as studio:
        box.panel.call("POST", "/integrations/webhooks", {"url": receiver.url, "key": KEY, "rooms": "all"})
        started = start(box, order(studio, nobody))
        assert started.status == ACTIVE and not started.file_results
        (output,) = studio.outputs()
        studio.until(output, lambda now: now["state"] == "retrying")
        (tried,) = info(box, started.egress_id).stream_results
        assert tried.status == SENT and tried.error
        changed = change(box, started.egress_id, remove=[nobody])
        assert changed.status == FAILED
        assert [one.status for one in changed.stream_results] == [BROKEN]
        box.until(output["recording"], lambda seen: seen["state"] != "recording")
        with pytest.raises(api.TwirpError) as over:
            change(box, started.egress_id, add=[nobody])
        assert over.value.code == "failed_precondition"
        box.wait(lambda: any(one.event == "egress_ended" for one in receiver.events))
        assert [one.event for one in receiver.events].count("egress_ended") == 1
        # The meeting is kept all the same.
        box.until(output["recording"], lambda seen: seen["state"] == "ready")

        # One address is not like another: nothing of such an order begins.
        for urls, words in [
            (["rtmp://example.org/app"], "stream key"),
            (["wss://example.org"], "rtmp://"),
            ([nobody, nobody], "twice"),
        ]:
            with pytest.raises(api.TwirpError) as refused:
                start(box, order(studio, *urls))
            assert refused.value.code == "invalid_argument" and words in refused.value.message, refused.value
        assert studio.outputs() == [] and not box.panel.call("GET", "/recordings?state=recording")["items"]
