"""What a person sees: one file a widget, its TypeScript beside it, the built bundles in static/."""
