"""Opens an ONNX model in ONNX Runtime, on one thread. ONNX Runtime is imported here only, when first used.

A model is opened from bytes that were checked before, so that it cannot refer to other files.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REFUSALS = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NoModel",
    "NotImplemented",
    "RuntimeException",
)
_SILENT = 4


class TensorInfo(Protocol):
    """Name, type such as `tensor(float)`, and shape of an input or output."""

    name: str
    type: str
    shape: Sequence[int | str | None]


class Metadata(Protocol):
    """What a model's file says about itself."""

    custom_metadata_map: Mapping[str, str]


class Session(Protocol):
    """The part of an ONNX Runtime session that we use."""

    def run(self, names: Sequence[str] | None, inputs: Mapping[str, object]) -> Sequence[object]:
        """Return the outputs of one run."""
        ...

    def get_inputs(self) -> Sequence[TensorInfo]:
        """Return what it takes."""
        ...

    def get_outputs(self) -> Sequence[TensorInfo]:
        """Return what it gives."""
        ...

    def get_modelmeta(self) -> Metadata:
        """Return what its file says about it."""
        ...


def open_session(model: bytes, *, file: str) -> Session:
    """Return a session over a model's bytes. Raises `ArtefactError` naming `file` where it cannot be run."""
    try:
        ort = import_module("onnxruntime")
        faults = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    except ImportError as error:
        raise ArtefactError("needs ONNX Runtime", file=file, mend="pip install onnxruntime") from error
    refusals = cast("tuple[type[Exception], ...]", (RuntimeError, *(getattr(faults, each) for each in _REFUSALS)))
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _SILENT  # the error below says it once
    try:
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except refusals as error:
        raise ArtefactError("is no ONNX model that can be run", file=file) from error
    return CheckedSession(cast("Session", session), refusals, file)


@dataclass(frozen=True, slots=True)
class CheckedSession:
    """A `Session` whose failed runs are told as an `ArtefactError` that names the file, whatever the runtime raised."""

    session: Session
    refusals: tuple[type[Exception], ...]
    file: str

    def run(self, names: Sequence[str] | None, inputs: Mapping[str, object]) -> Sequence[object]:
        """Return the outputs of one run. Raises `ArtefactError`."""
        try:
            return self.session.run(names, inputs)
        except self.refusals as error:
            mend = "forge it anew or put back the version before"
            raise ArtefactError("the model failed on a text", file=self.file, mend=mend) from error

    def get_inputs(self) -> Sequence[TensorInfo]:
        """Return what it takes."""
        return self.session.get_inputs()

    def get_outputs(self) -> Sequence[TensorInfo]:
        """Return what it gives."""
        return self.session.get_outputs()

    def get_modelmeta(self) -> Metadata:
        """Return what its file says about it."""
        return self.session.get_modelmeta()
