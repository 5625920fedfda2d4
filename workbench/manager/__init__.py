"""What a model is on disk and on the hub: found, read and verified here. Knows no engine and no service."""
