// Passkeys: what the browser asks of an authenticator (WebAuthn Level 3, 5.1). The server wrote the question and reads the answer; here
// both are only text. Loaded when somebody uses a passkey.
const spoken = (read, ask) => async (options) => JSON.stringify(await ask({ publicKey: PublicKeyCredential[read](JSON.parse(options)) }));

window.passkey = {
  create: spoken("parseCreationOptionsFromJSON", (asked) => navigator.credentials.create(asked)),
  get: spoken("parseRequestOptionsFromJSON", (asked) => navigator.credentials.get(asked)),
};
