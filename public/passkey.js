// Passkeys: asks the browser's authenticator (WebAuthn Level 3, 5.1). The server writes the options and verifies the answer; here both are
// only JSON. The app loads this file when somebody uses a passkey.
const spoken = (read, ask) => async (options) => JSON.stringify(await ask({ publicKey: PublicKeyCredential[read](JSON.parse(options)) }));

window.passkey = {
  create: spoken("parseCreationOptionsFromJSON", (asked) => navigator.credentials.create(asked)),
  get: spoken("parseRequestOptionsFromJSON", (asked) => navigator.credentials.get(asked)),
};
