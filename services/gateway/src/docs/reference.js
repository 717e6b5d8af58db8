"use strict";

// Starts Swagger UI. A token stays in the page's memory, and is forgotten with the page.

/** Signs in with the token of an answer to a sign-in that was tried out. */
function signIn(response) {
  if (response.ok && response.url.endsWith("/auth/login")) {
    ui.preauthorizeApiKey("bearer", response.obj.access_token);
  }
  return response;
}

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  tryItOutEnabled: true,
  // The default asks a server elsewhere.
  validatorUrl: null,
  responseInterceptor: signIn,
});
