/** What a person sees who opens the admin address in a browser. No version, no state: whoever reaches the port may read it. */
export const startPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WrenMQ</title>
</head>
<body>
<h1>WrenMQ</h1>
<p>An MQTT broker runs here. This is its administration port; clients use the MQTT ports.</p>
<ul>
<li><a href="/healthz">/healthz</a>: 200 while the process runs</li>
<li><a href="/readyz">/readyz</a>: 200 when clients are served, else 503 with the reasons</li>
<li><a href="/metrics">/metrics</a>: numbers for Prometheus</li>
</ul>
</body>
</html>
`;
