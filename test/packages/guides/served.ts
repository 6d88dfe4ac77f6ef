/** Starts the compiled application in a script's shell, until that ends. */
export const SERVED = `node dist/main.js >served.log & server=$!
trap 'kill $server' EXIT
for attempt in $(seq 300); do grep -q listening served.log && break; sleep 0.1; done
`;
