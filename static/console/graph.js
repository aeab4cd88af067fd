// Draws the nodes and edges of #graph-data by d3-force; the tables below say the same.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("graph-data").textContent);
  const place = document.getElementById("graph");
  const SVG = "http://www.w3.org/2000/svg";
  const { nodes, edges } = data;
  if (!nodes.length) return;

  function make(name, attributes, parent) {
    const element = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    parent.append(element);
    return element;
  }

  function link(item, kind, parent) {
    const anchor = make("a", { href: item.url, class: kind, "aria-label": item.title }, parent);
    make("title", {}, anchor).textContent = item.title;
    return anchor;
  }

  const radius = (node) => 6 + Math.min(14, 3 * Math.sqrt(node.mentions));
  const links = edges.map((edge) => ({ ...edge }));
  const simulation = d3.forceSimulation(nodes)
    .force("link", d3.forceLink(links).distance(150).strength(0.4))
    .force("charge", d3.forceManyBody().strength(-500))
    .force("x", d3.forceX().strength(0.05))
    .force("y", d3.forceY().strength(0.08))
    .force("apart", d3.forceCollide((node) => radius(node) + 12))
    .stop();
  simulation.tick(300); // drawn once: nothing moves

  // Edges between the same two nodes bend apart.
  const seen = new Map();
  function bend(edge) {
    const pair = [edge.source.index, edge.target.index].sort((a, b) => a - b).join();
    const count = seen.get(pair) || 0;
    seen.set(pair, count + 1);
    return (count % 2 ? 1 : -1) * Math.ceil(count / 2) * 28;
  }

  function route(edge) {
    const { source, target } = edge;
    if (source === target) {
      const r = radius(source) + 16;
      return { path: `M${source.x},${source.y} c${r},${-2 * r} ${-r},${-2 * r} 0,0`, x: source.x, y: source.y - 1.6 * r };
    }
    const dx = target.x - source.x;
    const dy = target.y - source.y;
    const length = Math.hypot(dx, dy) || 1;
    const by = bend(edge);
    const x = (source.x + target.x) / 2 - (dy / length) * by;
    const y = (source.y + target.y) / 2 + (dx / length) * by;
    const back = (radius(target) + 3) / length;
    const end = { x: target.x - dx * back, y: target.y - dy * back };
    return { path: `M${source.x},${source.y} Q${x},${y} ${end.x},${end.y}`, x, y };
  }

  const xs = nodes.map((node) => node.x);
  const ys = nodes.map((node) => node.y);
  const centre = [xs, ys].map((all) => (Math.min(...all) + Math.max(...all)) / 2);
  const width = Math.max(900, Math.max(...xs) - Math.min(...xs) + 160); // small ones stay small
  const height = Math.max(420, Math.max(...ys) - Math.min(...ys) + 90);
  const [left, top] = [centre[0] - width / 2, centre[1] - height / 2];
  const svg = make("svg", {
    viewBox: `${left} ${top} ${width} ${height}`,
    class: "graph-drawing",
    role: "group",
    "aria-label": `${nodes.length} names and ${edges.length} relations between them`,
  }, place);
  const marker = make("marker", {
    id: "graph-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse",
  }, make("defs", {}, svg));
  make("path", { d: "M0,0 L8,4 L0,8 z", class: "graph-arrow" }, marker);

  const isCrowded = edges.length > 60; // then only the title of an edge tells its type
  links.forEach((edge) => {
    const anchor = link(edge, edge.isOver ? "graph-edge graph-edge-over" : "graph-edge", svg);
    const { path, x, y } = route(edge);
    make("path", { d: path, class: "graph-reach" }, anchor);
    make("path", { d: path, class: "graph-line", "marker-end": "url(#graph-arrow)" }, anchor);
    if (!isCrowded) make("text", { x, y: y - 3, class: "graph-type" }, anchor).textContent = edge.type;
  });
  nodes.forEach((node) => {
    const anchor = link(node, `graph-node graph-node-${node.colour}`, svg);
    make("circle", { cx: node.x, cy: node.y, r: radius(node) }, anchor);
    make("text", { x: node.x, y: node.y + radius(node) + 13, class: "graph-name" }, anchor).textContent =
      node.name.length > 24 ? `${node.name.slice(0, 23)}…` : node.name;
  });
  place.hidden = false;
})();
