"""A platform in use: MemoryHub, ninety days old, made by the product's own verbs on its own clock."""
