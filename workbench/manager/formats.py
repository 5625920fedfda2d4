"""What format a file or folder is of. Knows no engine."""

from __future__ import annotations

LABELS = {
    "gguf": "GGUF", "safetensors": "safetensors", "onnx": "ONNX", "coreml": "Core ML", "executorch": "ExecuTorch",
    "tflite": "TensorFlow Lite", "litertlm": "LiteRT-LM", "mlc": "MLC", "picollm": "picoLLM",
}  # fmt: skip


def unread(format: str) -> str:
    """Why a whole model of a format cannot be used here."""
    if format == "safetensors":
        return "It is only weights: the config and the tokenizer that belong to them are missing."
    return f"No engine here reads {LABELS.get(format, format)} yet."
