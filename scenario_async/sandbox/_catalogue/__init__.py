"""The models of a sandbox: invented, kept, selected."""
