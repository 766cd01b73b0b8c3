from live import LiveServer, exposure, tracked


def test_an_event_that_was_acked_is_in_the_next_results(server: LiveServer) -> None:
    server.create_experiment()
    assert server.send([exposure("a", 0), exposure("b", 1), tracked("b")]).status == 202
    totals = server.results()["totals"]
    assert [row["cumulativeImpressionCount"] for row in totals] == [1, 1]
    assert [row["cumulativeCount"] for row in totals] == [0, 1]
