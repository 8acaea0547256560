from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from config.errors import ModelNotFoundError
from config.loader import load_settings
from config.prices import FREE, Pricing, cost_of
from config.types import Usage
from router.catalog import build_catalog, probe_targets
from router.discovery import Listed, Probe

OLLAMA = "http://127.0.0.1:11434"
ALL_KEYS = {
    "OPENAI_API_KEY": "sk-openai",
    "CLAUDE_API_KEY": "sk-claude",
    "DEEPSEEK_API_KEY": "sk-deepseek",
    "GEMINI_API_KEY": "g",
}


@pytest.fixture
def load(tmp_path):
    """Give a function that loads settings from a file's text and variables."""

    def from_text(text: str = "", env: dict[str, str] | None = None):
        path = tmp_path / "thalamus.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, env or {})

    return from_text


def model_of(name: str, provider: str, more: str = "", *, model_more: str = "") -> str:
    return (
        f'[[model]]\nname = "{name}"\n{model_more}\n[[model.deployment]]\nprovider = "{provider}"\n'
        f'upstream_model = "up-{name}"\n{more}\n'
    )


def live_names(catalog) -> list[str]:
    return [model.name for model in catalog.live_models()]


def test_without_any_key_only_the_extractive_model_is_live(load):
    """The product runs at once, and says why the others do not."""
    catalog = build_catalog(load())

    assert ["extractive"] == live_names(catalog)
    assert {"claude": "no_key", "gpt": "no_key", "deepseek": "no_key", "gemini": "no_key", "cursor": "no_address"} == (
        catalog.state()["not_live"]
    )


def test_each_key_that_appears_makes_its_model_live_in_the_chains_order(load):
    """Claude, GPT, DeepSeek, Gemini; extractive is not among them while one is live."""
    catalog = build_catalog(load(env=ALL_KEYS))

    assert ["claude", "gpt", "deepseek", "gemini"] == live_names(catalog)
    assert (1.0, 1.0, 1.0, 1.0) == catalog.auto_weights()
    assert "sk-claude" == catalog.resolve("claude").deployments[0].target.api_key


def test_keys_may_be_handed_in_for_settings_made_by_hand(load):
    """`env` is looked at where the settings hold no key."""
    catalog = build_catalog(load(), {"OPENAI_API_KEY": "sk-a"})

    assert ["gpt"] == live_names(catalog)


def test_a_key_is_never_shown_by_a_deployment(load):
    """Printing the catalogue shows no key."""
    assert "sk-" not in repr(build_catalog(load(env=ALL_KEYS)))


def test_a_look_alike_provider_and_its_model_are_data_only(load):
    """One file adds both; no code knows their names."""
    text = (
        '[[provider]]\nname = "acme"\nbase_url = "https://llm.acme.example/v1/"\napi_key_env = ["ACME_KEY"]\n'
        'quirks = ["no_stream_options"]\nheaders = { "x-team" = "a" }\nauth = "api-key"\n'
    ) + model_of("acme/large:v2", "acme", 'weight = 3\nquirks = ["no_developer_role"]\nheaders = { "x-b" = "c" }')

    catalog = build_catalog(load(text, {"ACME_KEY": "k"}))
    deployment = catalog.resolve("acme/large:v2").deployments[0]

    assert ["acme/large:v2"] == live_names(catalog)
    assert ("https://llm.acme.example/v1", "up-acme/large:v2", "k", "openai", 3.0) == (
        deployment.target.base_url,
        deployment.target.upstream_model,
        deployment.target.api_key,
        deployment.dialect,
        deployment.weight,
    )
    assert {"no_stream_options", "no_developer_role", "api_key_header"} == deployment.target.quirks
    assert {"x-team": "a", "x-b": "c"} == deployment.target.headers


def test_deployments_of_one_provider_are_told_apart(load):
    """Ids stay different when a model runs twice at one provider."""
    text = model_of("m", "openai", '[[model.deployment]]\nprovider="openai"\nupstream_model="b"\n'
                    '[[model.deployment]]\nprovider="groq"\nupstream_model="c"')  # fmt: skip
    found = build_catalog(load(text, {"OPENAI_API_KEY": "k"})).resolve("m").deployments

    assert ["m/openai#1", "m/openai#2", "m/groq"] == [each.id for each in found]
    assert [each.id for each in found] == [each.target.deployment for each in found]
    assert ["live", "live", "no_key"] == [each.state for each in found]
    assert [True, True, False] == [each.usable for each in found]


def test_several_keys_of_one_variable_share_the_weight(load):
    """Three keys are three deployments of a third of the weight each."""
    found = build_catalog(load(env={"GEMINI_API_KEYS": "a, b,c"})).resolve("gemini").deployments

    assert ["a", "b", "c"] == [each.target.api_key for each in found]
    assert 1.0 == pytest.approx(sum(each.weight for each in found))
    assert 3 == len({each.id for each in found})


def test_a_deployment_that_names_its_own_variable_takes_no_other_key(load):
    """A missing key is missing, even where the provider's usual one is set."""
    text = model_of("m", "openai", 'api_key_env = "TEAM_KEY"')

    without = build_catalog(load(text, {"OPENAI_API_KEY": "sk"})).resolve("m").deployments[0]
    with_it = build_catalog(load(text, {"OPENAI_API_KEY": "sk", "TEAM_KEY": "team"})).resolve("m").deployments[0]

    assert ("no_key", None) == (without.state, without.target.api_key)
    assert ("live", "team") == (with_it.state, with_it.target.api_key)


@pytest.mark.parametrize(
    ("provider", "probe", "state"),
    [
        ("openai_compatible", None, "unprobed"),
        ("openai_compatible", Probe(answered=True), "live"),
        ("openai_compatible", Probe(answered=False), "away"),
        ("ollama", Probe(answered=True, models=(Listed("up-m:latest"),)), "live"),
        ("ollama", Probe(answered=True, models=(Listed("other:latest"),)), "missing"),
        ("ollama", Probe(answered=False, models=(Listed("up-m:latest"),)), "away"),
    ],
)
def test_a_server_without_keys_is_live_when_it_answered_its_last_probe(load, provider, probe, state):
    """Before the first probe it is believed; a server that lists all it has is believed about what it has not."""
    settings = load(model_of("m", provider, 'base_url = "http://box:1/"'))
    catalog = build_catalog(settings, probes={"http://box:1": probe} if probe else {})
    deployment = catalog.resolve("m").deployments[0]

    assert state == deployment.state
    assert (state in {"live", "unprobed"}) is deployment.live
    assert deployment.usable


def test_a_drained_model_is_not_live(load):
    """Weight 0 takes no new request."""
    catalog = build_catalog(load(model_of("m", "openai", "weight = 0"), {"OPENAI_API_KEY": "k"}))

    assert "m" not in live_names(catalog)
    assert "drained" == catalog.state()["not_live"]["m"]


def test_discovered_models_join_behind_configured_ones(load):
    """What Ollama lists appears under its own name, is not drawn while a configured model is live, and costs nothing."""
    models = (Listed("llama3.2:latest"), Listed("nomic-embed-text:latest", capabilities=frozenset({"embeddings"})))
    probes = {OLLAMA: Probe(answered=True, models=models)}
    catalog = build_catalog(load(env={"OPENAI_API_KEY": "k"}), probes=probes)
    alone = build_catalog(load(), probes=probes)
    found = catalog.resolve("llama3.2:latest")

    assert ["gpt", "llama3.2:latest"] == live_names(catalog)
    assert (1.0, 0.0) == catalog.auto_weights()
    assert (["llama3.2:latest"], (1.0,)) == (live_names(alone), alone.auto_weights())
    assert ("ollama", "llama3.2:latest", FREE) == (
        found.deployments[0].dialect,
        found.deployments[0].target.upstream_model,
        catalog.price_of("llama3.2:latest/ollama"),
    )
    assert 180.0 == found.deployments[0].timeouts.first_content_s
    assert ["nomic-embed-text:latest"] == [model.name for model in catalog.embedding_models()]


def test_models_of_a_server_that_went_away_are_known_but_not_live(load):
    """Naming one says that it is away, not that it never was."""
    catalog = build_catalog(load(), probes={OLLAMA: Probe(answered=False, models=(Listed("llama3.2:latest"),))})

    assert "away" == catalog.resolve("llama3.2").deployments[0].state
    assert ["extractive"] == live_names(catalog)


def test_a_server_cannot_take_a_name_that_is_taken(load):
    """A list that holds `auto`, an alias or a configured model's name changes nothing."""
    listed = tuple(Listed(name) for name in ("auto", "collab", "fast", "gpt", "mine:latest"))
    settings = load('aliases = { fast = "gpt" }\n', {"OPENAI_API_KEY": "k"})
    catalog = build_catalog(settings, probes={OLLAMA: Probe(answered=True, models=listed)})

    assert ["gpt", "mine:latest"] == live_names(catalog)
    assert "openai" == catalog.resolve("fast").deployments[0].target.provider


def test_a_model_that_is_configured_is_not_drawn_again_under_its_discovered_name(load):
    """One server's model does not count twice."""
    settings = load(model_of("local", "ollama").replace("up-local", "llama3.2"))
    catalog = build_catalog(settings, probes={OLLAMA: Probe(answered=True, models=(Listed("llama3.2:latest"),))})

    assert ["local"] == live_names(catalog)
    assert "llama3.2:latest" == catalog.resolve("llama3.2:latest").name


def test_names_are_resolved_through_aliases_tags_and_providers(load):
    """Cursor's own names, short Ollama names, `provider/model` names."""
    settings = load('aliases = { "gpt-4o" = "fast", fast = "deepseek", any = "auto", team = "collab" }\n', ALL_KEYS)
    catalog = build_catalog(settings, probes={OLLAMA: Probe(answered=True, models=(Listed("llama3.2:latest"),))})
    wanted = {
        "gpt-4o": "deepseek",
        "claude": "claude",
        "any": "auto",
        "auto": "auto",
        "team": "collab",
        "llama3.2": "llama3.2:latest",
        "openai/gpt-6.1-terra": "gpt",
        "anthropic/claude": "claude",
        "openai/unknown": "openai/unknown",
        "unknown": "unknown",
    }

    assert wanted == {name: catalog.canonical(name) for name in wanted}


@pytest.mark.parametrize("name", ["unknown", "auto", "collab", "", "a/b:c"])
def test_a_name_nobody_knows_is_an_error_that_names_the_field(load, name):
    """The client is told which model does not exist."""
    with pytest.raises(ModelNotFoundError) as caught:
        build_catalog(load()).resolve(name)

    assert "model" == caught.value.param


def test_unknown_names_may_mean_auto(load):
    """With the setting, any name a tool insists on is served."""
    catalog = build_catalog(load("[routing]\nunknown_model = 'auto'\n", ALL_KEYS))

    assert ("auto", "gpt") == (catalog.canonical("gpt-3.5-turbo"), catalog.canonical("gpt"))


def test_the_chain_setting_orders_failover(load):
    """Named models come first in their order, the others keep theirs."""
    catalog = build_catalog(load("[routing]\nchain = ['deepseek', 'gemini']\n", ALL_KEYS))

    assert ["deepseek", "gemini", "claude", "gpt"] == live_names(catalog)


def test_own_models_come_first_and_auto_leaves_out_what_it_may_not_choose(load):
    """A model for named use only, and one that only embeds, are not in `auto`."""
    text = (
        model_of("mine", "openai")
        + model_of("hidden", "openai", model_more="auto = false")
        + model_of("vectors", "openai", model_more='capabilities = ["embeddings"]')
    )
    catalog = build_catalog(load(text, {"OPENAI_API_KEY": "k"}))

    assert ["mine", "gpt"] == live_names(catalog)
    assert ["vectors"] == [model.name for model in catalog.embedding_models()]
    assert catalog.resolve("hidden").live


def test_fallbacks_follow_aliases_and_leave_out_what_is_not_there(load):
    """A fallback that only a server could list waits until it does."""
    text = 'aliases = { spare = "deepseek" }\n' + model_of(
        "m", "openai", model_more='fallbacks = ["spare", "llama3.2:latest", "m", "gpt"]'
    )
    settings = load(text)
    later = build_catalog(settings, probes={OLLAMA: Probe(answered=True, models=(Listed("llama3.2:latest"),))})

    assert ("deepseek", "gpt") == build_catalog(settings).resolve("m").fallbacks
    assert ("deepseek", "llama3.2:latest", "gpt") == later.resolve("m").fallbacks


def test_timeouts_of_a_deployment_replace_the_common_ones_one_by_one(load):
    """What the deployment does not say is common."""
    text = "[timeouts]\nidle_s = 9\n" + model_of("m", "openai", "timeouts = { total_s = 5 }")
    timeouts = build_catalog(load(text)).resolve("m").deployments[0].timeouts

    assert (5.0, 9.0, 30.0) == (timeouts.total_s, timeouts.idle_s, timeouts.first_content_s)


def test_own_price_reaches_the_cost_of_an_attempt(load):
    """Half a dollar in, one and a half out."""
    price = "price = { input_usd_per_mtok = 0.5, output_usd_per_mtok = 1.5, source_date = 2026-11-21 }"
    catalog = build_catalog(load(model_of("m", "openai_compatible", f'base_url = "http://x"\n{price}')))
    pricing = catalog.price_of("m/openai_compatible")

    assert Pricing(0.5, 1.5) == pricing
    assert 2.0 == cost_of(Usage(1_000_000, 1_000_000), provider="x", upstream_model="y", overrides=pricing).usd
    assert Pricing(list_name="openai") == catalog.price_of("gpt/openai")
    assert catalog.price_of("nothing") is None


def test_a_snapshot_cannot_be_changed(load):
    """A reload makes a new one."""
    catalog = build_catalog(load())

    with pytest.raises(FrozenInstanceError):
        catalog.resolve("gpt").deployments[0].weight = 2


def test_the_same_inputs_make_the_same_snapshot(load):
    """Nothing is random, so every replica agrees."""
    settings = load(model_of("m", "openai"), ALL_KEYS)

    assert build_catalog(settings) == build_catalog(settings)


def test_only_servers_without_keys_are_probed(load):
    """A hosted provider's list is not asked for: its key says enough."""
    text = (
        model_of("a", "openai_compatible", 'base_url = "http://box:1/v1/"\napi_key_env = "BOX_KEY"')
        + model_of("b", "openai_compatible", 'base_url = "http://box:1/v1"')
        + '[[provider]]\nname = "quiet"\nbase_url = "http://quiet"\nneeds_key = false\nmodels_path = ""\n'
        + model_of("c", "quiet")
    )
    targets = probe_targets(load(text, {**ALL_KEYS, "BOX_KEY": "canary"}))

    assert [f"{OLLAMA}/api/tags", "http://box:1/v1/models"] == [each.url for each in targets]
    assert {"authorization": "Bearer canary"} == targets[1].headers
    assert "canary" not in repr(targets)


def test_servers_that_are_named_are_asked_for_their_models(load):
    """A variable for vLLM, a row that wants discovery, and no look for Ollama where that is switched off."""
    text = (
        "[health]\nfind_ollama = false\n"
        '[[provider]]\nname = "openai"\ndiscover = true\n'
        '[[provider]]\nname = "anthropic"\ndiscover = true\n'
        '[[provider]]\nname = "groq"\ndiscover = true\n'
        '[[provider]]\nname = "azure"\ndiscover = true\nneeds_key = false\nbase_url = "https://a.example/openai/v1"\n'
    )
    env = {"OPENAI_API_KEY": "o", "CLAUDE_API_KEY": "c", "AZURE_OPENAI_API_KEY": "z", "VLLM_BASE_URL": "http://gpu/v1"}
    targets = {each.url: each.headers for each in probe_targets(load(text, env))}

    assert {
        "https://api.openai.com/v1/models": {"authorization": "Bearer o"},
        "https://api.anthropic.com/v1/models": {"anthropic-version": "2023-06-01", "x-api-key": "c"},
        "https://a.example/openai/v1/models": {"api-key": "z"},
        "http://gpu/v1/models": {},
    } == targets


def test_models_of_a_named_vllm_are_discovered_with_their_window(load):
    """VLLM says how much its model reads."""
    settings = load(env={"VLLM_BASE_URL": "http://gpu/v1"})
    listed = (Listed("Qwen/Qwen3-8B", context_window=32_768),)
    catalog = build_catalog(settings, probes={"http://gpu/v1": Probe(answered=True, models=listed)})
    target = catalog.resolve("Qwen/Qwen3-8B").deployments[0].target

    assert ("vllm", 32_768) == (target.provider, target.context_window)
    assert {"no_custom_tools"} == target.quirks


def test_cursor_is_live_once_its_address_and_key_are_given():
    """The product ships no address for it."""
    settings = load_settings(None, {"CURSOR_BASE_URL": "https://c.example/v1", "CURSOR_API_KEY": "k"})

    assert ["cursor"] == live_names(build_catalog(settings))
    assert Path(".thalamus") == settings.state_dir
