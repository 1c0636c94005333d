"""What the operator wrote: config.yaml and mappings/*.yaml, checked and explained."""
