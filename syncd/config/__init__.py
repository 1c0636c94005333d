"""What the operator wrote: config.yaml and mappings/*.yaml, checked and explained.

load.load_config reads the files and says everything that is wrong with them at once; compile.compile_mapping turns a
mapping into what core/ decides with; init.py writes both files for a new installation.
"""
