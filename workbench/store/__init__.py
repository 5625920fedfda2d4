"""What is remembered: settings, history, usage. Knows no session, no service and no widget."""
