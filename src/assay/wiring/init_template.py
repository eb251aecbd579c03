"""The `assay.yaml` that `assay init` writes: commented so that a person can follow it from top to bottom."""

TEMPLATE = """\
# Assay workspace. Every setting, its value and where it came from: assay config explain
version: 1
name: {name}

# Who may read what. The last matching folder rule wins; a document may state its own tenant and groups
# (front matter, JSONL fields), and a CSV with the columns path,tenant,groups may list them.
access:
  default: {{tenant: default, groups: []}}   # no groups: everybody of the tenant
  folders: []
  #  - {{path: "handbook/hr/**", tenant: default, groups: [hr]}}
  # csv: access.csv

ingest:
  max_file_mb: 50            # larger files are skipped and reported

# Lexical search works as soon as a file is in; vectors follow in the background.
index:
  engine: embedded           # tantivy and an exact dense scan, in .assay/index
  embedder: minilm           # MiniLM-L6 int8, packaged, runs offline; none: lexical only

# What writes the answers. The extractive composer needs no key and no network: it quotes.
models:
  extractive: {{kind: extractive, max_sentences: 2}}
  # Any OpenAI-compatible endpoint. The key stays in the environment; only its name stands here.
  # chat:
  #   kind: openai
  #   base_url: http://127.0.0.1:8000/v1
  #   model: my-model
  #   api_key_env: CHAT_API_KEY

guards:
  limits: {{kind: limits, max_question_chars: 4000}}
  visible: {{kind: visible}}                       # takes hidden characters out of questions
  personal_data: {{kind: mask, rules: [card, iban, us_ssn]}}

apps:
  assistant:
    kind: assistant
    model: extractive
    retrieve: {{mode: hybrid, passages: 8}}
    verify: {{on_failure: withhold}}          # a sentence its citation does not support is not shown (or: mark)
    abstain: {{threshold: calibrated, target_error: 0.05}}   # chosen by: assay calibrate assistant --golden NAME
    guards: [limits, visible, personal_data]

# What a change must show before it ships: for each metric, how much worse is tolerated (margin), at which alpha.
gate:
  clauses:
    - {{metric: correct, margin: 0.03}}
    - {{metric: groundedness, margin: 0.02}}
    - {{metric: abstention_right, margin: 0.05}}

serve: {{host: 127.0.0.1, port: 8321}}

traces: {{keep_content: false, days: 30}}     # true keeps questions and answers with each trace
"""


def rendered(name: str) -> str:
    """The file's text for a workspace of this name."""
    return TEMPLATE.format(name=name)
