"""The built wheel, installed away from any checkout; `make wheel` runs them."""
