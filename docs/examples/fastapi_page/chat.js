import "/attribot/attribot-answer.js";

const talk = document.getElementById("talk");
const form = document.getElementById("ask");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(form.elements.question.value);
  form.reset();
});

function ask(question) {
  const asked = document.createElement("p");
  asked.className = "question";
  asked.textContent = question;
  const shown = document.createElement("attribot-answer");
  talk.append(asked, shown);

  const events = new EventSource(`/ask?${new URLSearchParams({ question })}`);
  events.addEventListener("text", ({ data }) => (shown.answer += JSON.parse(data).text));
  events.addEventListener("citations", ({ data }) => (shown.result = JSON.parse(data)));
  events.addEventListener("uncited", ({ data }) => shown.after(JSON.parse(data).reason));
  events.addEventListener("end", () => events.close());
  events.addEventListener("error", () => {
    events.close(); // or the browser would ask again
    shown.after("The connection was lost.");
  });
}
