"""Live traffic over a running gateway: who looks hears of requests as they end, and who is busy is told."""

from proxy.desk.traffic import HouseTraffic
from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import model, running_gateway


async def test_a_request_that_ends_is_told_to_who_looks(tmp_path):
    """With the record that the books get; before, nobody looked and nothing was kept for them."""
    async with (
        scripted_upstream(Script((Reply(text="an answer"),))) as upstream,
        running_gateway(tmp_path, model("m", f"{upstream.url}/v1")) as gateway,
    ):
        desk = HouseTraffic(gateway.house)
        await gateway.chat()
        with desk.feed.viewing(lambda record: record.status == "completed") as viewer:
            answer = await gateway.chat()
            [record] = await viewer.take(5)

        assert answer.headers["x-thalamus-decision-id"] == record.id
        assert ({"m/vllm": 0}, 0, False) == (dict(desk.in_flight()), desk.feed.n_viewers, desk.is_ending())
        gateway.house.draining = True
        assert desk.is_ending()
