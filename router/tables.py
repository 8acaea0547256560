"""Tables of the books: what was decided, tried, paid and thought of it; and the sums that pages read.

Money is a double: USD of one request has at most nine significant digits, a double keeps fifteen, and SQLite has no
decimal type. Sums over a billion requests stay exact to a fraction of a cent.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from config.columns import Bytes, CleanText, JsonValue, UtcTime
from config.database import METADATA

DURATION_BUCKETS_MS = (100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)
"""Upper bounds of the hourly histograms; slower answers are in `n_slower`. Each column counts its own bucket only."""

decision = Table(
    "decision",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("conversation_id", CleanText),
    Column("key_prefix", String(32)),
    Column("endpoint", CleanText, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("status", String(24), nullable=False),
    Column("http_status", Integer, nullable=False),
    Column("error_code", CleanText),
    Column("requested", CleanText),  # this and all up to `features` is NULL for a request refused before a choice
    Column("chosen", CleanText),
    Column("served_model", CleanText),
    Column("policy_version", CleanText),
    Column("eligible", JsonValue),
    Column("probabilities", JsonValue),
    Column("ranked", JsonValue),
    Column("reasons", JsonValue),
    Column("explored", Boolean),
    Column("arm", CleanText),
    Column("seed", BigInteger),
    Column("judge", JsonValue),
    Column("features", JsonValue),
    Column("intent", CleanText),  # the likeliest label; NULL when the classifier abstained or was not asked
    Column("intents", JsonValue),
    Column("confidence", Float),
    Column("intent_source", CleanText),
    Column("passages", JsonValue, nullable=False),
    Column("timings", JsonValue, nullable=False),
    Column("warnings", JsonValue, nullable=False),
    Column("n_attempts", Integer, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("ttft_ms", Float),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float),  # NULL when the price of any paid attempt is unknown
    Column("savings", JsonValue),  # NULL where no passage was found that is worth sending
    Index("ix_decision_ts_id", "ts", "id"),
    Index("ix_decision_chosen_ts_id", "chosen", "ts", "id"),
    Index("ix_decision_status_ts_id", "status", "ts", "id"),
    Index("ix_decision_intent_ts_id", "intent", "ts", "id"),
    Index("ix_decision_conversation_id_ts", "conversation_id", "ts"),
    Index("ix_decision_key_prefix_ts", "key_prefix", "ts"),
)

attempt = Table(
    "attempt",
    METADATA,
    Column("decision_id", String(36), ForeignKey("decision.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("ts", UtcTime, nullable=False),  # the decision's, so that a deployment's attempts can be paged
    Column("deployment", CleanText, nullable=False),
    Column("model", CleanText, nullable=False),
    Column("provider", CleanText, nullable=False),
    Column("failure_class", String(24)),
    Column("error", CleanText),
    Column("committed", Boolean, nullable=False),
    Column("status", Integer),
    Column("finish_reason", CleanText),
    Column("retry_after_s", Float),
    Column("ttft_ms", Float),
    Column("duration_ms", Float, nullable=False),
    Column("usage_raw", JsonValue),
    Column("usage_source", String(16)),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_usd", Float),
    Column("cost_source", String(16)),
    Index("ix_attempt_deployment_ts", "deployment", "ts"),
)

outcome = Table(
    "outcome",
    METADATA,
    # No foreign key: an outcome may reach the database before its decision, which can still wait in the journal.
    Column("decision_id", String(36), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("score", Float),
    Column("comment", CleanText),
    Column("ts", UtcTime, nullable=False),
    Index("ix_outcome_ts", "ts"),
    Index("ix_outcome_kind_ts", "kind", "ts"),
)

preview = Table(
    "preview",
    METADATA,
    Column("decision_id", String(36), ForeignKey("decision.id", ondelete="CASCADE"), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("text", CleanText, nullable=False),
    Index("ix_preview_ts", "ts"),
)

body = Table(
    "body",
    METADATA,
    Column("decision_id", String(36), ForeignKey("decision.id", ondelete="CASCADE"), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("request", Bytes),
    Column("response", Bytes),
    Index("ix_body_ts", "ts"),
)

question_vector = Table(
    "question_vector",
    METADATA,
    Column("decision_id", String(36), ForeignKey("decision.id", ondelete="CASCADE"), primary_key=True),
    Column("created_ts", UtcTime, nullable=False),  # about when it was written: the decision's time and its duration
    Column("form", String(32), nullable=False),  # how the vector was made; other forms are not compared
    Column("vector", Bytes, nullable=False),
    Index("ix_question_vector_created_ts", "created_ts"),
)

model_performance = Table(
    "model_performance",
    METADATA,
    Column("model", CleanText, primary_key=True),
    Column("domain", CleanText, primary_key=True),  # "" where unknown
    Column("language", CleanText, primary_key=True),  # "" where unknown
    Column("n_attempts", BigInteger, nullable=False),  # those that say something about the model: no caller faults
    Column("n_successes", BigInteger, nullable=False),
    Column("duration_ms_sum", Float, nullable=False),  # of successes
    Column("ttft_ms_sum", Float, nullable=False),
    Column("n_ttft", BigInteger, nullable=False),
    Column("cost_usd_sum", Float, nullable=False),
    Column("rating_sum", Float, nullable=False),  # of scores from 0 to 1
    Column("n_ratings", BigInteger, nullable=False),
    Column("updated_ts", UtcTime, nullable=False),
)

rollup_hour = Table(
    "rollup_hour",
    METADATA,
    Column("hour", UtcTime, primary_key=True),  # its beginning
    Column("model", CleanText, primary_key=True),  # served, else chosen, else ""
    Column("status", String(24), primary_key=True),
    Column("key_prefix", String(32), primary_key=True),  # "" where no key was needed
    Column("arm", CleanText, primary_key=True),  # "" outside experiments
    Column("n_requests", BigInteger, nullable=False),
    Column("n_attempts", BigInteger, nullable=False),
    Column("n_failovers", BigInteger, nullable=False),  # requests that needed more than one attempt
    Column("n_cost_unknown", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("duration_ms_sum", Float, nullable=False),
    Column("ttft_ms_sum", Float, nullable=False),
    Column("n_ttft", BigInteger, nullable=False),
    *(Column(f"n_le_{bound}_ms", BigInteger, nullable=False) for bound in DURATION_BUCKETS_MS),
    Column("n_slower", BigInteger, nullable=False),
)

rollup_deployment_hour = Table(
    "rollup_deployment_hour",
    METADATA,
    Column("hour", UtcTime, primary_key=True),  # its beginning; of the request, not of the attempt
    Column("deployment", CleanText, primary_key=True),
    Column("failure_class", String(24), primary_key=True),  # "" for a success
    Column("model", CleanText, nullable=False),
    Column("n_attempts", BigInteger, nullable=False),
    Column("n_committed", BigInteger, nullable=False),
    Column("duration_ms_sum", Float, nullable=False),
    Column("ttft_ms_sum", Float, nullable=False),
    Column("n_ttft", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    *(Column(f"n_le_{bound}_ms", BigInteger, nullable=False) for bound in DURATION_BUCKETS_MS),  # of the attempt
    Column("n_slower", BigInteger, nullable=False),
)

rollup_intent_day = Table(
    "rollup_intent_day",
    METADATA,
    Column("day", UtcTime, primary_key=True),  # its beginning, UTC
    Column("intent", CleanText, primary_key=True),  # "" where the classifier abstained or was not asked
    Column("source", CleanText, primary_key=True),  # the tier that said so; "" where none was asked
    Column("model", CleanText, primary_key=True),  # served, else chosen, else ""
    Column("n_requests", BigInteger, nullable=False),
    Column("n_completed", BigInteger, nullable=False),
    Column("confidence_sum", Float, nullable=False),
    Column("n_confidence", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("rating_sum", Float, nullable=False),  # of scores from 0 to 1, whenever they were given
    Column("rating_square_sum", Float, nullable=False),
    Column("n_ratings", BigInteger, nullable=False),
)

rollup_saving_day = Table(
    "rollup_saving_day",
    METADATA,
    Column("day", UtcTime, primary_key=True),  # its beginning, UTC
    Column("model", CleanText, primary_key=True),  # served, else chosen, else ""
    Column("arm", CleanText, primary_key=True),  # of the experiment with passages; "" outside it
    Column("n_requests", BigInteger, nullable=False),  # completed ones; so everything below
    Column("n_passages", BigInteger, nullable=False),  # that had passages worth sending; the tokens are of these
    Column("sent_tokens", BigInteger, nullable=False),
    Column("charged_tokens", BigInteger, nullable=False),  # for classifying, judging, and answers that were missed
    Column("all_documents_tokens", BigInteger, nullable=False),
    Column("n_priced", BigInteger, nullable=False),  # whose cost and dearest alternative are known
    Column("cost_usd", Float, nullable=False),  # of these
    Column("dearest_usd", Float, nullable=False),  # estimate: what the dearest eligible model would have cost
)

policy_version = Table(
    "policy_version",
    METADATA,
    Column("id", CleanText, primary_key=True),
    Column("parent_id", CleanText),
    Column("kind", CleanText, nullable=False),
    Column("state", String(16), nullable=False),  # shadow, active or retired
    Column("created_ts", UtcTime, nullable=False),
    Column("activated_ts", UtcTime),
    Column("created_by", CleanText, nullable=False),
    Column("parameters", JsonValue, nullable=False),
    Column("recipe", JsonValue, nullable=False),  # data hash, code version, seed
    Column("metrics", JsonValue, nullable=False),  # with n and intervals, and the baseline's
    Index("ix_policy_version_state", "state"),
)
