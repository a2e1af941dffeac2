"""An answer that shows what it rests on: the element as a component of Streamlit.

pip install "attribot-integrations[langchain,local]" streamlit
streamlit run docs/examples/streamlit_answer.py
"""

from __future__ import annotations

import streamlit

from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.render import answer_data, front_end_folder

SCRIPT = (front_end_folder() / "attribot-answer.js").read_text(encoding="utf-8")
COMPONENT = """
export default function ({ data, parentElement }) {
  parentElement.querySelector("attribot-answer").result = data;
}
"""

show = streamlit.components.v2.component(
    "attribot_answer", html="<attribot-answer></attribot-answer>", js=SCRIPT + COMPONENT
)


demo = streamlit.cache_resource(demo_chain)  # loads the models once


def answer(question: str) -> None:
    """Answer with the chain, show the text as it comes, and then with what it rests on."""
    handler = CitationCallbackHandler(demo().engine)
    place = streamlit.empty()
    place.write_stream(demo().chain.stream(question, {"callbacks": [handler]}))
    record = handler.last
    if record is not None and record.attribution is not None:
        data = answer_data(record.attribution)
        place.empty()
        show(data=data)


question = streamlit.chat_input("Ask something")
if question:
    streamlit.chat_message("user").text(question)
    with streamlit.chat_message("assistant"):
        answer(question)
