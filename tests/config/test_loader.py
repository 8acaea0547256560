from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from config.errors import SettingsError
from config.loader import load_settings, reload, restart_needed, shipped_models, shipped_providers
from config.reference import describe
from config.secret import Secret
from config.settings import Settings

MODEL = '[[model]]\nname = "mine"\n  [[model.deployment]]\n  provider = "openai"\n  upstream_model = "gpt-4o"\n'


@pytest.fixture
def write(tmp_path):
    """Give a function that writes `thalamus.toml` and returns its path."""

    def to_file(text: str, name: str = "thalamus.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def refused(path, env=None, dotenv=None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(path, env or {}, dotenv)
    return caught.value


def test_no_file_and_no_variable_is_enough():
    """Everything has a default; the shipped chain is there, in its order."""
    settings = load_settings(None, {})

    assert ("claude", "gpt", "deepseek", "gemini", "cursor", "extractive") == tuple(m.name for m in settings.models)
    assert {} == settings.secrets
    assert Path(".thalamus") == settings.state_dir
    assert Settings().server == settings.server


def test_shipped_rows_name_only_providers_that_exist():
    """Each shipped model runs at a shipped provider."""
    known = {row.name for row in shipped_providers()}

    assert {each.provider for model in shipped_models() for each in model.deployments} <= known
    assert {"openai", "anthropic", "deepseek", "gemini", "ollama", "openrouter", "groq", "mistral", "xai", "qwen",
            "moonshot", "together", "azure", "vllm", "lmstudio", "llamacpp", "cursor", "openai_compatible",
            "extractive"} == known  # fmt: skip


def test_file_is_over_defaults_and_environment_is_over_file(write, tmp_path):
    """Shipped, file, .env, environment: each over the one before."""
    path = write("[server]\nport = 9000\nhost = 'localhost'\n[timeouts]\nidle_s = 5\n[retrieval]\ntop_k = 3\n")
    dotenv = write("THALAMUS_SERVER__PORT=9001\nTHALAMUS_RETRIEVAL__TOP_K=4\n", ".env")

    settings = load_settings(path, {"THALAMUS_SERVER__PORT": "9002"}, dotenv)

    assert (9002, "localhost") == (settings.server.port, settings.server.host)
    assert (5.0, 4) == (settings.timeouts.idle_s, settings.retrieval.top_k)
    assert (path, tmp_path / ".thalamus") == (settings.config_file, settings.state_dir)


def test_variables_of_every_kind_are_read():
    """Numbers, truth values, lists, choices and paths can come from the environment; an empty one is not set."""
    settings = load_settings(
        None,
        {
            "THALAMUS_STORAGE__STORE_BODIES": "yes",
            "THALAMUS_STORAGE__STORE_PREVIEW": "off",
            "THALAMUS_SERVER__CORS_ORIGINS": "https://a.example, https://b.example",
            "THALAMUS_STREAMING__KEEPALIVE_S": "2.5",
            "THALAMUS_LOGGING__FORMAT": "json",
            "THALAMUS_RETRIEVAL__LIBRARY": "/",
            "THALAMUS_ROUTING__DEFAULT_MODEL": "",
            "THALAMUS_STATE_DIR": "/var/lib/thalamus",
            "THALAMUS_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        },
    )

    assert (True, False) == (settings.storage.store_bodies, settings.storage.store_preview)
    assert ("https://a.example", "https://b.example") == settings.server.cors_origins
    assert (2.5, "json", Path("/")) == (
        settings.streaming.keepalive_s,
        settings.logging.format,
        settings.retrieval.library,
    )
    assert settings.routing.default_model is None
    assert Path("/var/lib/thalamus") == settings.state_dir


def test_ports_of_other_tools_are_understood_and_our_own_name_wins():
    """`CLAUDE_PROXY_PORT` and `ADMIN_DASHBOARD_PORT` set the ports."""
    settings = load_settings(None, {"CLAUDE_PROXY_PORT": "8082", "ADMIN_DASHBOARD_PORT": "8083"})
    ours = load_settings(None, {"CLAUDE_PROXY_PORT": "8082", "THALAMUS_SERVER__PORT": "9000"})

    assert (8082, 8083, 9000) == (settings.server.port, settings.server.admin_port, ours.server.port)


def test_keys_come_from_variables_and_from_files_they_name(write):
    """Usual names, both of Anthropic's, `NAME_FILE`, and a variable that only a deployment names."""
    secret = write("canary-file\n", "secret")
    path = write(MODEL + '  api_key_env = "MY_KEY"\n')

    settings = load_settings(
        path,
        {"CLAUDE_API_KEY": " canary-claude ", "DEEPSEEK_API_KEY_FILE": str(secret), "MY_KEY": "a,b", "OTHER": "x"},
    )

    assert {
        "CLAUDE_API_KEY": Secret("canary-claude"),
        "DEEPSEEK_API_KEY": Secret("canary-file"),
        "MY_KEY": Secret("a,b"),
    } == settings.secrets
    assert "canary" not in repr(settings)


def test_proxy_keys_are_gathered_from_their_variables():
    """One key, several keys, and each key once."""
    settings = load_settings(None, {"THALAMUS_API_KEY": "one", "THALAMUS_API_KEYS": "two, one"})
    renamed = load_settings(None, {"THALAMUS_SERVER__API_KEYS_ENV": "GATE", "GATE": "three", "THALAMUS_API_KEY": "x"})

    assert (Secret("one"), Secret("two")) == settings.server.api_keys
    assert (Secret("three"),) == renamed.server.api_keys


def test_database_url_with_its_password_may_stand_in_a_file(write):
    """`THALAMUS_STORAGE__URL_FILE` names a file with the URL."""
    file = write("postgresql://u:canary@h/db\n", "url")

    assert "postgresql://u:canary@h/db" == load_settings(None, {"THALAMUS_STORAGE__URL_FILE": str(file)}).database_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:8080", "http://box:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::1]:9", "http://[::1]:9"),
        ("::", "http://[::1]:11434"),
        ("[::]", "http://[::1]:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(text, url):
    """An address to listen on means this machine, and the port has Ollama's own default."""
    settings = load_settings(None, {"OLLAMA_HOST": text})
    row = next(row for row in settings.providers if row.name == "ollama")

    assert (url, True) == (row.base_url, row.discover)


def test_addresses_of_other_servers_come_from_their_variables():
    """Cursor has no address of its own; a local server that is named is also asked for its models."""
    settings = load_settings(None, {"CURSOR_BASE_URL": "https://c.example/v1/", "VLLM_BASE_URL": "http://gpu:8001/v1"})
    rows = {row.name: row for row in settings.providers}

    assert ("https://c.example/v1", False) == (rows["cursor"].base_url, rows["cursor"].discover)
    assert ("http://gpu:8001/v1", True) == (rows["vllm"].base_url, rows["vllm"].discover)


def test_clients_own_base_url_variable_is_not_read():
    """`OPENAI_BASE_URL` is where clients find this gateway: reading it would make it call itself."""
    settings = load_settings(None, {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"})

    assert "https://api.openai.com/v1" == settings.providers[0].base_url


def test_own_models_come_first_and_replace_shipped_ones_in_their_place(write):
    """A model of a shipped name takes its place; others precede the shipped chain."""
    path = write(MODEL + MODEL.replace("mine", "gpt"))

    settings = load_settings(path, {})

    assert ["mine", "claude", "gpt", "deepseek", "gemini", "cursor", "extractive"] == [m.name for m in settings.models]
    assert "gpt-4o" == settings.models[2].deployments[0].upstream_model


def test_shipped_models_can_be_left_out(write):
    """A house that allows two models has two models."""
    settings = load_settings(write("[routing]\nshipped_models = false\n" + MODEL), {})

    assert ["mine"] == [model.name for model in settings.models]


def test_provider_row_of_a_shipped_name_changes_only_what_it_says(write):
    """To move a provider to another address, its address is all one writes."""
    path = write('[[provider]]\nname = "deepseek"\nbase_url = "https://proxy.example/v1"\n')
    row = next(row for row in load_settings(path, {}).providers if row.name == "deepseek")

    assert ("https://proxy.example/v1", ("DEEPSEEK_API_KEY",), "deepseek") == (
        row.base_url,
        row.api_key_env,
        row.prices,
    )


def test_paths_in_the_file_are_relative_to_the_file(write, tmp_path):
    """The gateway may be started from anywhere."""
    (tmp_path / "d").mkdir()
    path = write(
        "state_dir = 'state'\n[server]\ntls_cert_file = 'c.pem'\ntls_key_file = '/k.pem'\n[retrieval]\nlibrary='d'\n"
    )

    settings = load_settings(path, {})

    assert (tmp_path / "state", tmp_path / "c.pem", Path("/k.pem"), tmp_path / "d") == (
        settings.state_dir,
        settings.server.tls_cert_file,
        settings.server.tls_key_file,
        settings.retrieval.library,
    )


def test_prices_and_timeouts_of_a_deployment_are_read(write):
    """Nested tables become values with their types."""
    path = write(
        MODEL
        + "  price = { input_usd_per_mtok = 1, output_usd_per_mtok = 2.5, source_date = 2026-11-21 }\n"
        + "  timeouts.idle_s = 7\n  options = { num_ctx = 8192, deep = { list = [1] } }\n"
    )
    deployment = load_settings(path, {}).models[0].deployments[0]

    assert (1.0, 2.5, date(2026, 11, 21)) == (
        deployment.price.input_usd_per_mtok,
        deployment.price.output_usd_per_mtok,
        deployment.price.source_date,
    )
    assert (7.0, None) == (deployment.timeouts.idle_s, deployment.timeouts.total_s)
    assert {"num_ctx": 8192, "deep": {"list": [1]}} == deployment.options


WRONG = [
    ("unknown-key", "[server]\nprot = 1\n", 2, "did you mean 'port'?"),
    ("unknown-table", "[sever]\n", 1, "did you mean 'server'?"),
    ("far-from-all", "[logging]\nzzz = 1\n", 2, "valid names: format, level"),
    ("wrong-type", "[server]\n\nport = 'x'\n", 3, "a whole number"),
    ("bool-is-no-number", "[server]\nport = true\n", 2, "a whole number"),
    ("too-large", "[server]\nport = 70000\n", 2, "at most 65535"),
    ("not-a-table", "server = 1\n", 1, "must be a table"),
    ("not-a-list", "[server]\ncors_origins = 'x'\n", 2, "must be a list"),
    ("not-an-array-of-tables", "model = 1\n", 1, "an array of tables"),
    ("not-a-mapping", "aliases = 1\n", 1, "must be a table"),
    ("bad-choice", "[logging]\nformat = 'xml'\n", 2, "'auto', 'console', 'json'"),
    ("bad-item", "[server]\ncors_origins = [\n'https://a',\n1]\n", 4, "must be text"),
    ("no-such-library", "[retrieval]\nlibrary = 'nowhere'\n", 2, "'retrieval.library' must be a folder"),
    ("address-without-host", MODEL + "  base_url = 'http:///v1'\n", 6, "with a host"),
    ("address-with-a-far-port", MODEL + "  base_url = 'http://box:70000/v1'\n", 6, "with a host"),
    ("address-with-a-space", MODEL + "  base_url = 'http://a b/v1'\n", 6, "with a host"),
    ("address-of-no-host", "[[provider]]\nname='a'\nbase_url='http://300.1.1.1/v1'\n", 3, "with a host"),
    ("address-of-ours", "[[provider]]\nname='a'\nbase_url='local:extractive'\n", 3, "'extractive' only"),
    ("empty-upstream-model", MODEL.replace("gpt-4o", ""), 5, "not empty"),
    ("nul-in-a-name", MODEL.replace('"mine"', '"mi\\u0000ne"'), 2, "without control characters"),
    ("line-break-in-a-name", MODEL.replace('"mine"', '"mi\\nne"'), 2, "without control characters"),
    ("empty-name", MODEL.replace('"mine"', '" "'), 2, "not empty"),
    ("terminal-code-in-an-alias", '[aliases]\n"a\\u001b[1m" = "gpt"\n', 2, "without control characters"),
    ("host-of-large-numbers", "[server]\nhost = '300.1.1.1'\n", 2, "an IP address or a host name"),
    ("host-with-a-port", "[server]\nhost = '127.0.0.1:80'\n", 2, "an IP address or a host name"),
    ("host-that-is-empty", "[server]\nhost = ''\n", 2, "an IP address or a host name"),
    ("origin-with-a-path", "[server]\ncors_origins = ['https://a.example/x']\n", 2, "an origin such as"),
    ("origin-without-a-scheme", "[server]\ncors_origins = ['a.example']\n", 2, "an origin such as"),
    ("origin-with-a-far-port", "[server]\ncors_origins = ['https://a:99999']\n", 2, "an origin such as"),
    ("proxy-by-name", "[server]\ntrusted_proxies = ['proxy.example']\n", 2, "a network such as"),
    ("network-with-host-bits", "[server]\ntrusted_proxies = ['10.0.0.1/8']\n", 2, "a network such as"),
    ("bad-path", "[retrieval]\nlibrary = 1\n", 2, "must be a path"),
    ("secret-in-file", MODEL + '  api_key = "sk-canary"\n', 6, "name the variable in 'api_key_env'"),
    ("key-for-a-name", MODEL + '  api_key_env = "sk-canary-1234567890"\n', 6, "the name of an environment variable"),
    (
        "key-for-a-providers-name",
        "[[provider]]\nname='a'\napi_key_env=['sk-canary']\n",
        3,
        "the name of an environment",
    ),
    ("key-for-a-number", "[server]\nport = 'sk-canary-1234567890'\n", 2, "not '[redacted]'"),
    ("number-too-large", "[timeouts]\ntotal_s = 1" + "0" * 400 + "\n", 2, "a number"),
    ("number-without-end", "[server]\nport = 1" + "0" * 5_000 + "\n", 2, "is no TOML"),
    ("nobodys-home", "state_dir = '~nobody-of-this-name/x'\n", 1, "a path"),
    ("no-path", 'state_dir = "a\\u0000b"\n', 1, "a path"),
    ("empty-path", "state_dir = ''\n", 1, "a path"),
    ("moment-for-a-day", MODEL + "  price.source_date = 2026-01-01T00:00:00Z\n", 6, "a day such as"),
    ("item-of-rules", "[routing]\nrules = [1]\n", 2, "must be a table"),
    ("draw-that-one-key-could-turn", "[routing]\ndraw = 'epsilon'\n", 2, "one of 'thompson', 'softmax'"),
    ("long-value", "[server]\nport = '" + "a b " * 40 + "'\n", 2, "..."),
    ("list-for-a-text", "[server]\nhost = []\n", 2, "not a list"),
    ("table-for-a-text", "[server]\nhost = {}\n", 2, "not a table"),
    ("secret-of-the-server", '[server]\napi_keys = ["sk-canary"]\n', 2, "name the variable in 'api_keys_env'"),
    ("secrets-table", "[secrets]\nA = 'sk-canary'\n", 1, "use an environment variable"),
    ("duplicate-model", MODEL + MODEL, 7, "two models named 'mine'"),
    ("duplicate-provider", "[[provider]]\nname='a'\n[[provider]]\nname='a'\n", 4, "two providers named 'a'"),
    ("reserved-name", MODEL.replace("mine", "auto"), 2, "cannot be a model's name"),
    ("negative-weight", MODEL + "  weight = -1\n", 6, "at least 0"),
    ("weight-not-a-number", MODEL + "  weight = nan\n", 6, "at least 0"),
    ("weight-infinite", MODEL + "  weight = inf\n", 6, "at least 0"),
    ("zero-timeout", "[timeouts]\ntotal_s = 0\n", 2, "greater than 0"),
    ("no-deployment", "[[model]]\nname = 'x'\n", 1, "needs 'deployment'"),
    ("empty-deployments", "[[model]]\nname = 'x'\ndeployment = []\n", 1, "needs a [[model.deployment]]"),
    ("unknown-provider", MODEL.replace('"openai"', '"opnai"'), 4, "did you mean 'openai'?"),
    ("no-address", MODEL.replace('"openai"', '"openai_compatible"'), 3, "needs 'base_url'"),
    ("bad-address", MODEL + "  base_url = 'box:80'\n", 6, "http:// or https://"),
    ("bad-provider-address", "[[provider]]\nname='a'\nbase_url='ftp://x'\n", 3, "http:// or https://"),
    ("provider-is-no-table", "provider = ['x']\n", 1, "must be a table"),
    ("unknown-fallback", MODEL.replace("  [[", 'fallbacks = ["gpt", "clade"]\n  [['), 3, "did you mean 'claude'?"),
    ("fallback-is-no-model", MODEL.replace("  [[", 'fallbacks = ["auto"]\n  [['), 3, "no model 'auto'"),
    ("half-a-price", MODEL + "  price = { input_usd_per_mtok = 1, source_date = 2026-01-01 }\n", 6, "needs both"),
    ("undated-price", MODEL + "  price = { input_usd_per_mtok = 1, output_usd_per_mtok = 1 }\n", 6, "source_date"),
    ("bad-date", MODEL + "  price = { source_date = 'soon' }\n", 6, "a day such as"),
    ("unknown-alias-target", '[aliases]\n"a" = "gtp"\n', 2, "did you mean 'gpt'?"),
    ("alias-cycle", "[aliases]\na = 'b'\nb = 'c'\nc = 'a'\n", 2, "leads back to itself"),
    ("alias-into-a-cycle", "[aliases]\nx = 'a'\na = 'b'\nb = 'a'\n", 2, "leads back to itself"),
    ("alias-takes-a-models-name", "[aliases]\ngpt = 'claude'\n", 2, "a model's name already"),
    ("alias-takes-auto", "[aliases]\nauto = 'claude'\n", 2, "a model's name already"),
    ("unknown-default", "[routing]\ndefault_model = 'gtp'\n", 2, "did you mean 'gpt'?"),
    ("unknown-in-chain", "[routing]\nchain = ['gpt', 'gtp']\n", 2, "did you mean 'gpt'?"),
    ("rule-model", "[[routing.rules]]\npattern='x'\nmodel='gtp'\n", 3, "did you mean 'gpt'?"),
    ("rule-pattern", "[[routing.rules]]\nmodel='gpt'\nkind='regex'\npattern='(?=x)'\n", 4, "not RE2 syntax"),
    ("rule-empty", "[[routing.rules]]\nmodel='gpt'\npattern=' '\n", 3, "must not be empty"),
    ("open-to-the-world", "[server]\nhost='0.0.0.0'\nrequire_key='never'\n", 3, "cannot be 'never'"),
    ("open-by-name", "[server]\nhost='gate.example'\nrequire_key='never'\n", 3, "cannot be 'never'"),
    ("half-of-tls", "[server]\ntls_cert_file='x'\n", 2, "needs 'server.tls_key_file'"),
    ("other-half-of-tls", "[server]\ntls_key_file='x'\n", 2, "needs 'server.tls_cert_file'"),
    ("syntax", "[server]\nport = \n", 2, "is no TOML"),
    ("syntax-at-the-end", "[server]\nport = [1,\n", 2, "is no TOML"),
]


@pytest.mark.parametrize(("text", "line", "words"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_mistake_is_named_with_file_line_and_what_would_be_right(write, text, line, words):
    """Each kind of mistake stops the start and says where it stands."""
    path = write(text)

    error = refused(path)

    assert (str(path), line) == (error.file, error.line)
    assert words in str(error)
    assert "canary" not in str(error)


LITERALS = st.sampled_from(
    ["1", "-1", "1e400", "nan", "true", "''", "'x'", "'gpt'", "[]", "['a']", "[1]", "{}", "{a=1}", "[{}]", "1979-05-27",
     "{name='a'}", "[{provider='openai', upstream_model='x'}]", "'http://x'", '"\\u0000"', "'~x'"]
)  # fmt: skip
SECTIONS = st.sampled_from(
    ["", "[server]", "[timeouts]", "[routing]", "[[routing.rules]]", "[aliases]", "[[model]]", "[[model.deployment]]",
     "[model.deployment.price]", "[[provider]]", "[storage]", "[retrieval]", "[health]", "[x]"]
)  # fmt: skip
NAMES = st.sampled_from(
    sorted({each.name.rpartition(".")[2] for each in describe()} | {"model", "a", "gpt", "api_keys"})
)


@settings_of_hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(SECTIONS, st.dictionaries(NAMES, LITERALS, max_size=4)), max_size=5))
def test_any_file_is_taken_or_refused_with_its_name(tmp_path, parts):
    """Whatever stands in a file, there is no other way out than settings or a `SettingsError` that names the file."""
    path = tmp_path / "thalamus.toml"
    path.write_text(
        "\n".join(line for head, pairs in parts for line in [head, *(f"{k} = {v}" for k, v in pairs.items())])
    )
    try:
        found = load_settings(path, {})
    except SettingsError as error:
        found = error.file

    assert found == str(path) or isinstance(found, Settings)


def test_all_mistakes_are_told_at_once(write):
    """Nobody has to start five times to correct five mistakes."""
    path = write("[server]\nprot = 1\nport = -1\n[logging]\nlevel = 'loud'\n")

    error = refused(path)

    assert [f"{path}:{line}:" in str(error) for line in (2, 3, 5)] == [True, True, True]
    assert 2 == error.line


def test_names_that_only_servers_know_may_be_targets(write):
    """`llama3.2:latest` is discovered later, so an alias may point at it."""
    settings = load_settings(write("[aliases]\nfast = 'llama3.2:latest'\nslow = 'fast'\nany = 'auto'\n"), {})

    assert "llama3.2:latest" == settings.aliases["fast"]


WRONG_VARIABLES = [
    ("THALAMUS_SERVER__PROT", "1", "did you mean 'port'?"),
    ("THALAMUS_SEVER__PORT", "1", "did you mean 'THALAMUS_SERVER__...'?"),
    ("THALAMUS_SERVER__PORT", "x", "a whole number"),
    ("THALAMUS_SERVER__PORT", "-1", "at least 0"),
    ("THALAMUS_STORAGE__STORE_BODIES", "perhaps", "true or false"),
    ("THALAMUS_LOGGING__LEVEL", "loud", "'DEBUG'"),
    ("THALAMUS_ROUTING__RULES", "x", "stands in the file only"),
    ("THALAMUS_SERVER__API_KEYS", "canary", "did you mean 'api_keys_env'?"),
    ("CLAUDE_PROXY_PORT", "http", "a whole number"),
    ("OPENAI_API_KEY", "sk-canary with space", "not shown"),
    ("OPENAI_API_KEY", "sk-canary-密", "not shown"),
    ("OPENAI_API_KEY_FILE", "/nowhere/canary", "cannot be read"),
    ("OPENAI_API_KEY_FILE", "~nobody-of-this-name/canary", "cannot be read"),
    ("OLLAMA_HOST", "ftp://box", "http:// or https://"),
    ("OLLAMA_HOST", "box:70000", "with a host"),
    ("THALAMUS_SERVER__HOST", "300.1.1.1", "an IP address or a host name"),
    ("THALAMUS_RETRIEVAL__LIBRARY", "/nowhere", "must be a folder"),
    ("CURSOR_BASE_URL", "c.example", "http:// or https://"),
]


@pytest.mark.parametrize(("name", "text", "words"), WRONG_VARIABLES)
def test_mistake_in_a_variable_names_the_variable(name, text, words):
    """A bad variable stops the start; a key that is wrong is not shown."""
    error = refused(None, {name: text})

    assert str(error).startswith(f"{name}: ")
    assert words in str(error)
    assert name == "OPENAI_API_KEY_FILE" or "canary" not in str(error)


def test_all_that_is_wrong_by_itself_is_told_at_once(write):
    """Nobody mends one line, starts again and learns of the next: those of one deployment, and the environment's."""
    path = write(
        MODEL
        + "  base_url = 'http://box:70000'\n  weight = -1\n  api_key = 'x'\n  price = { input_usd_per_mtok = -1 }\n"
    )

    told = str(refused(path, {"THALAMUS_SERVER__PORT": "x", "OPENAI_API_KEY": "a b"}))

    assert [] == [
        words
        for words in (":6:", ":7:", ":8:", ":9:", "THALAMUS_SERVER__PORT: ", "OPENAI_API_KEY: ")
        if words not in told
    ]


def test_all_that_does_not_fit_together_is_told_at_once(write):
    """Where each value is right by itself, one deployment's mistakes of sense are all listed too."""
    path = write(
        MODEL.replace('"openai"', '"opnai"')
        + "  api_key_env = 'sk-canary'\n  price = { input_usd_per_mtok = 1 }\n[routing]\ndefault_model = 'gtp'\n"
    )

    told = str(refused(path))

    assert [] == [
        words for words in (":4:", ":6:", ":7: a price needs both", "source_date", ":9:") if words not in told
    ]


@pytest.mark.parametrize(
    "url", ["http://[::1]:80/v1", "https://llm.example", "http://my_box:1", "https://ü.example/v1"]
)
def test_addresses_of_every_kind_are_taken(write, url):
    """What can be reached is not refused."""
    deployment = load_settings(write(MODEL + f"  base_url = '{url}'\n"), {}).models[0].deployments[0]

    assert url == deployment.base_url


@pytest.mark.parametrize("origin", ["*", "https://*.example", "http://localhost:3000", "chrome-extension://abc"])
def test_origins_of_every_kind_are_taken(write, origin):
    """Browsers have more schemes than two, and Litestar knows stars."""
    assert (origin,) == load_settings(write(f"[server]\ncors_origins = ['{origin}']\n"), {}).server.cors_origins


def test_mistake_in_a_dotenv_file_has_its_line(write):
    """A .env file is named like the settings file; the process's own variables hide it."""
    dotenv = write("# ours\n\nexport THALAMUS_SERVER__PORT=x\nOPENAI_API_KEY='sk-a' # it\n", ".env")

    error = refused(None, {}, dotenv)

    assert (str(dotenv), 3) == (error.file, error.line)
    assert 80 == load_settings(None, {"THALAMUS_SERVER__PORT": "80"}, dotenv).server.port


def test_dotenv_values_lose_quotes_and_comments(write):
    """What people write in .env files is understood."""
    dotenv = write(
        'OPENAI_API_KEY="sk-a#b" # c\nGROQ_API_KEY=gsk#x # c\nXAI_API_KEY=\nMISTRAL_API_KEY=# none\n', ".env"
    )

    secrets = load_settings(None, {}, dotenv).secrets

    assert {"OPENAI_API_KEY": Secret("sk-a#b"), "GROQ_API_KEY": Secret("gsk#x")} == secrets


def test_dotenv_line_that_is_no_assignment_is_not_repeated(write):
    """A key pasted alone on a line is pointed at, not printed."""
    dotenv = write("A=1\nsk-canary\n", ".env")

    error = refused(None, {}, dotenv)

    assert (str(dotenv), 2) == (error.file, error.line)
    assert "canary" not in str(error)


def test_missing_dotenv_is_fine_and_a_broken_one_is_not(tmp_path):
    """Most installations have none."""
    broken = tmp_path / "broken.env"
    broken.write_bytes(b"\xff\xfe")

    assert {} == load_settings(None, {}, tmp_path / ".env").secrets
    assert f"{broken}: cannot be read: it is not UTF-8 text" == str(refused(None, {}, broken))
    assert "cannot be read" in str(refused(None, {}, tmp_path))


def test_server_on_loopback_may_do_without_keys(write):
    """On this machine alone, `never` is a choice."""
    for host in ("localhost", "127.0.0.1", "::1"):
        path = write(f"[server]\nhost = '{host}'\nrequire_key = 'never'\n")

        assert "never" == load_settings(path, {}).server.require_key


def test_file_that_cannot_be_read_is_named(tmp_path):
    """A missing, huge or binary settings file stops the start."""
    binary, huge, deep = tmp_path / "b.toml", tmp_path / "h.toml", tmp_path / "d.toml"
    binary.write_bytes(b"# ok\na = '\xff'\n")
    huge.write_bytes(b"#" * 5_000_000)
    deep.write_text("a = " + "[" * 100_000, encoding="utf-8")

    assert str(tmp_path / "none.toml") in str(refused(tmp_path / "none.toml"))
    assert 2 == refused(binary).line
    assert "larger than" in str(refused(huge))
    assert str(deep) == refused(deep).file


def test_windows_file_with_a_byte_order_mark_is_read(tmp_path):
    """Notepad's files are welcome."""
    path = tmp_path / "thalamus.toml"
    path.write_bytes("\ufeff[server]\r\nport = 9000\r\n".encode())

    assert 9000 == load_settings(path, {}).server.port


def test_reload_takes_what_may_change_and_keeps_what_is_in_use(write, tmp_path):
    """Weights and rules change at once; an address that a socket is bound to does not."""
    current = load_settings(write("[server]\nport = 9000\n" + MODEL), {})
    path = write("[server]\nport = 9001\nhost = '::1'\n[routing]\nmax_attempts = 2\n" + MODEL + "  weight = 5\n")

    changed, waiting = reload(path, {"THALAMUS_STATE_DIR": "/elsewhere"}, current)

    assert (9000, "127.0.0.1") == (changed.server.port, changed.server.host)
    assert (2, 5.0) == (changed.routing.max_attempts, changed.models[0].deployments[0].weight)
    assert tmp_path / ".thalamus" == changed.state_dir
    assert ("server.host", "server.port", "state_dir") == waiting


def test_reload_of_a_bad_file_changes_nothing_and_says_why(write):
    """The old settings go on."""
    current = load_settings(write(MODEL), {})
    path = write("[server]\nprot = 1\n")

    with pytest.raises(SettingsError, match="did you mean 'port'"):
        reload(path, {}, current)
    assert "mine" == current.models[0].name


def test_what_needs_a_restart_is_named(write):
    """Who changed the port is told that it waits for a restart."""
    current = load_settings(None, {})
    wanted = load_settings(write("state_dir='s'\n[server]\nport = 9000\n[routing]\nmax_attempts = 2\n"), {})

    assert ("server.port", "state_dir") == restart_needed(current, wanted)
    assert () == restart_needed(current, current)
