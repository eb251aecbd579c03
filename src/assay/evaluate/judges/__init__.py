"""Language models that judge replies: framed against what they judge, held to their form, measured on people."""
