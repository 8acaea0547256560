"""The first schema: keys, books, documents, intents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "api_key",
    "log_event",
    "setting_override",
    "audit",
    "decision",
    "attempt",
    "outcome",
    "preview",
    "body",
    "model_performance",
    "rollup_hour",
    "policy_version",
    "document",
    "passage",
    "intent",
    "artefact",
    "evaluation_run",
)


def upgrade() -> None:
    _create_ground()
    _create_decisions()
    _create_outcomes()
    _create_sums()
    _create_documents()
    _create_intents()


def downgrade() -> None:
    for name in reversed(TABLES):
        op.drop_table(name)


def moment() -> sa.types.TypeEngine[Any]:
    """UTC with its zone; fixed-width ISO 8601 text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def json_value() -> sa.types.TypeEngine[Any]:
    """JSON, binary on PostgreSQL."""
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _create_ground() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", json_value(), nullable=False),
        sa.Column("created_ts", moment(), nullable=False),
        sa.Column("expires_ts", moment()),
        sa.Column("revoked_ts", moment()),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("hash", name="uq_api_key_hash"),
        sa.UniqueConstraint("prefix", name="uq_api_key_prefix"),
    )
    op.create_table(
        "log_event",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("logger", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.String(length=36)),
        sa.Column("fields", json_value(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_event"),
    )
    op.create_index("ix_log_event_level_ts_id", "log_event", ["level", "ts", "id"])
    op.create_index("ix_log_event_ts_id", "log_event", ["ts", "id"])
    op.create_table(
        "setting_override",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", json_value()),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_setting_override"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", json_value()),
        sa.Column("after", json_value()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_ts_id", "audit", ["ts", "id"])


def _create_decisions() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("conversation_id", sa.Text()),
        sa.Column("key_prefix", sa.String(length=32)),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("stream", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("requested", sa.Text()),
        sa.Column("chosen", sa.Text()),
        sa.Column("served_model", sa.Text()),
        sa.Column("policy_version", sa.Text()),
        sa.Column("eligible", json_value()),
        sa.Column("probabilities", json_value()),
        sa.Column("ranked", json_value()),
        sa.Column("reasons", json_value()),
        sa.Column("explored", sa.Boolean()),
        sa.Column("arm", sa.Text()),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("judge", json_value()),
        sa.Column("features", json_value()),
        sa.Column("intent", sa.Text()),
        sa.Column("intents", json_value()),
        sa.Column("confidence", sa.Float()),
        sa.Column("intent_source", sa.Text()),
        sa.Column("passages", json_value(), nullable=False),
        sa.Column("timings", json_value(), nullable=False),
        sa.Column("warnings", json_value(), nullable=False),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("ttft_ms", sa.Float()),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float()),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_index("ix_decision_chosen_ts_id", "decision", ["chosen", "ts", "id"])
    op.create_index("ix_decision_conversation_id_ts", "decision", ["conversation_id", "ts"])
    op.create_index("ix_decision_key_prefix_ts", "decision", ["key_prefix", "ts"])
    op.create_index("ix_decision_status_ts_id", "decision", ["status", "ts", "id"])
    op.create_index("ix_decision_ts_id", "decision", ["ts", "id"])
    op.create_table(
        "attempt",
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("failure_class", sa.String(length=24)),
        sa.Column("error", sa.Text()),
        sa.Column("committed", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("finish_reason", sa.Text()),
        sa.Column("retry_after_s", sa.Float()),
        sa.Column("ttft_ms", sa.Float()),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("usage_raw", json_value()),
        sa.Column("usage_source", sa.String(length=16)),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("cached_tokens", sa.BigInteger()),
        sa.Column("cache_write_tokens", sa.BigInteger()),
        sa.Column("reasoning_tokens", sa.BigInteger()),
        sa.Column("cost_usd", sa.Float()),
        sa.Column("cost_source", sa.String(length=16)),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name="fk_attempt_decision_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("decision_id", "n", name="pk_attempt"),
    )
    op.create_index("ix_attempt_deployment_ts", "attempt", ["deployment", "ts"])


def _create_outcomes() -> None:
    op.create_table(
        "outcome",
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("score", sa.Float()),
        sa.Column("comment", sa.Text()),
        sa.Column("ts", moment(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "source", "kind", name="pk_outcome"),
    )
    op.create_index("ix_outcome_ts", "outcome", ["ts"])
    op.create_table(
        "preview",
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name="fk_preview_decision_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_preview"),
    )
    op.create_index("ix_preview_ts", "preview", ["ts"])
    op.create_table(
        "body",
        sa.Column("decision_id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("request", sa.LargeBinary()),
        sa.Column("response", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["decision_id"], ["decision.id"], name="fk_body_decision_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_body"),
    )
    op.create_index("ix_body_ts", "body", ["ts"])


def _create_sums() -> None:
    op.create_table(
        "model_performance",
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("n_attempts", sa.BigInteger(), nullable=False),
        sa.Column("n_successes", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms_sum", sa.Float(), nullable=False),
        sa.Column("ttft_ms_sum", sa.Float(), nullable=False),
        sa.Column("n_ttft", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd_sum", sa.Float(), nullable=False),
        sa.Column("rating_sum", sa.Float(), nullable=False),
        sa.Column("n_ratings", sa.BigInteger(), nullable=False),
        sa.Column("updated_ts", moment(), nullable=False),
        sa.PrimaryKeyConstraint("model", "domain", "language", name="pk_model_performance"),
    )
    op.create_table(
        "rollup_hour",
        sa.Column("hour", moment(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("key_prefix", sa.String(length=32), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("n_requests", sa.BigInteger(), nullable=False),
        sa.Column("n_attempts", sa.BigInteger(), nullable=False),
        sa.Column("n_failovers", sa.BigInteger(), nullable=False),
        sa.Column("n_cost_unknown", sa.BigInteger(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cached_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("duration_ms_sum", sa.Float(), nullable=False),
        sa.Column("ttft_ms_sum", sa.Float(), nullable=False),
        sa.Column("n_ttft", sa.BigInteger(), nullable=False),
        sa.Column("n_le_100_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_250_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_500_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_1000_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_2500_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_5000_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_10000_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_le_30000_ms", sa.BigInteger(), nullable=False),
        sa.Column("n_slower", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "model", "status", "key_prefix", "arm", name="pk_rollup_hour"),
    )
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_ts", moment(), nullable=False),
        sa.Column("activated_ts", moment()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("parameters", json_value(), nullable=False),
        sa.Column("recipe", json_value(), nullable=False),
        sa.Column("metrics", json_value(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_version"),
    )
    op.create_index("ix_policy_version_state", "policy_version", ["state"])


def _create_documents() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("library", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("intents", json_value(), nullable=False),
        sa.Column("created_ts", moment(), nullable=False),
        sa.Column("updated_ts", moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("library", "path", name="uq_document_library_path"),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("document_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("start_line", sa.Integer(), nullable=False),
        sa.Column("end_line", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("n_tokens", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_passage_document_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_passage"),
    )
    op.create_index("ix_passage_document_id_position", "passage", ["document_id", "position"], unique=True)


def _create_intents() -> None:
    op.create_table(
        "intent",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", json_value(), nullable=False),
        sa.Column("description", json_value(), nullable=False),
        sa.Column("examples", json_value(), nullable=False),
        sa.Column("threshold", sa.Float()),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_ts", moment(), nullable=False),
        sa.Column("updated_ts", moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_intent"),
    )
    op.create_table(
        "artefact",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("recipe", json_value(), nullable=False),
        sa.Column("metrics", json_value(), nullable=False),
        sa.Column("created_ts", moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artefact"),
    )
    op.create_index("ix_artefact_name_version", "artefact", ["name", "version"], unique=True)
    op.create_table(
        "evaluation_run",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ts", moment(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("metrics", json_value(), nullable=False),
        sa.Column("recipe", json_value(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation_run"),
    )
    op.create_index("ix_evaluation_run_ts_id", "evaluation_run", ["ts", "id"])
