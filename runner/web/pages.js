// Every page there is, in the order of the head. A page is a module with one default export:
//
//   name     its part of the address; `title` what the head calls it (none: it is not there)
//   only     "report" or "view", for a page that only one of them has
//   about    the names of what it shows ("state", "config", ..): news of them call `renew`
//   draw(view) -> { renew?, turn?, key?, leave?, help? }, or a promise of that
//     view.root      the empty element that is the page's
//     view.query     what the address says, a URLSearchParams
//     view.set({..}) changes the address without going anywhere (null takes a word away)
//     view.link(page, {..})  the address of another page, view.go(page, {..}) goes there
//     view.ask(name, {..})   a resource: the promise of its value; problems are thrown
//     view.facts     what /api/project says
//     renew()        there is something new: draw again, in place
//     turn(query)    the address changed by hand or by Back, on the same page: true if it is done
//     key(event)     a key: true if it meant something here
//     help           [[keys, what they do], ..] for `?`

import answer from "./pages/answer.js";
import answers from "./pages/answers.js";
import checks from "./pages/checks.js";
import cost from "./pages/cost.js";
import graph from "./pages/graph.js";
import history from "./pages/history.js";
import plan from "./pages/plan.js";
import report from "./pages/report.js";
import run from "./pages/run.js";
import side from "./pages/side.js";

export default [report, plan, run, side, answers, answer, checks, history, cost, graph];
