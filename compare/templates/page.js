// Headings of tables sort; without this, the tables are just as they are.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent.trim();
      const number = (row) => parseFloat(text(row).replace(/,/g, ""));
      const rows = [...body.rows];
      const numeric = rows.every((row) => !Number.isNaN(number(row)) || /^[-–]?$/.test(text(row)));
      const least = (row) => (Number.isNaN(number(row)) ? Infinity : number(row));
      rows.sort((a, b) => numeric ? least(a) - least(b) || 0 : text(a).localeCompare(text(b)));
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
