//! The description of the API.

use kit::Service as _;
use order::Order;

#[test]
fn every_route_is_described() {
    let document = serde_json::to_value(Order::openapi(Vec::new)).unwrap();
    let mut routes: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    routes.sort();
    assert_eq!(
        routes,
        [
            "DELETE /orders/{id}",
            "GET /orders",
            "GET /orders/user/{user_id}",
            "GET /orders/{id}",
            "GET /orders/{id}/history",
            "GET /orders/{id}/status",
            "PATCH /orders/{id}/status",
            "POST /orders",
            "POST /orders/{id}/cancel",
            "PUT /orders/{id}",
            "PUT /orders/{id}/status",
        ]
    );
    let parameters: Vec<&str> = document["paths"]["/orders"]["get"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(parameters, ["page", "limit", "cursor", "status", "sort_by", "sort_dir", "q", "include"]);
}
