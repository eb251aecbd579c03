"""Numbers to SVG and to terminal text, each with a one-sentence takeaway and a data table."""
